using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// The traces of one tenant that somebody has deleted, and when: nobody is shown them from that moment on, and blocks are
/// written again without them. Immutable.
/// </summary>
public sealed class DeletedTraces
{
    /// <summary>Most traces that may be waiting to leave the blocks of a tenant: each is looked for in each of its blocks.</summary>
    public const int MaxCount = 10_000;

    /// <summary>Largest object that is read, in bytes: some 80 a trace.</summary>
    public const int MaxJsonBytes = 1 << 20;

    public static readonly DeletedTraces None = new([]);

    private readonly Dictionary<TraceId, DateTimeOffset> _times;

    private DeletedTraces(Dictionary<TraceId, DateTimeOffset> times) => _times = times;

    public int Count => _times.Count;

    public IReadOnlyCollection<TraceId> Ids => _times.Keys;

    public bool Contains(TraceId id) => _times.ContainsKey(id);

    /// <summary>Whether one of them is from <paramref name="first"/> to <paramref name="last"/>, both inclusive.</summary>
    public bool HasBetween(TraceId first, TraceId last)
    {
        foreach (var id in _times.Keys)
            if (id.CompareTo(first) >= 0 && id.CompareTo(last) <= 0)
                return true;
        return false;
    }

    /// <summary>These and the given ones; null if that were more than <see cref="MaxCount"/>.</summary>
    public DeletedTraces? With(IEnumerable<TraceId> ids, DateTimeOffset time)
    {
        var times = new Dictionary<TraceId, DateTimeOffset>(_times);
        foreach (var id in ids) times[id] = time;
        return times.Count > MaxCount ? null : new DeletedTraces(times);
    }

    /// <summary>These and those, an id in both with the later time; null if that were more than <see cref="MaxCount"/>.</summary>
    public DeletedTraces? With(DeletedTraces others)
    {
        var times = new Dictionary<TraceId, DateTimeOffset>(_times);
        foreach (var (id, time) in others._times)
            if (!times.TryGetValue(id, out var known) || known < time)
                times[id] = time;
        return times.Count > MaxCount ? null : new DeletedTraces(times);
    }

    /// <summary>The same ids with the same times.</summary>
    public bool IsSameAs(DeletedTraces other) =>
        Count == other.Count && _times.All(entry => other._times.TryGetValue(entry.Key, out var time) && time == entry.Value);

    /// <summary>Those that were deleted after <paramref name="time"/>.</summary>
    public DeletedTraces After(DateTimeOffset time) =>
        new(_times.Where(entry => entry.Value > time).ToDictionary());

    /// <summary>These without those of <paramref name="others"/>, but for what was deleted again later than they say.</summary>
    public DeletedTraces Without(DeletedTraces others) =>
        new(_times.Where(entry => !others._times.TryGetValue(entry.Key, out var time) || entry.Value > time).ToDictionary());

    /// <summary>
    /// <c>{"traces":[{"id":"32 hex digits","time":"RFC 3339"},…],"crc32c":"…"}</c>, by id: another digit would show one trace again and
    /// hide another (<see cref="JsonChecksum"/>).
    /// </summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(32 + _times.Count * 90);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("traces");
            foreach (var (id, time) in _times.OrderBy(static entry => entry.Key))
            {
                json.WriteStartObject();
                json.WriteString("id", id.ToString());
                json.WriteString("time", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return JsonChecksum.Append(buffer.WrittenSpan);
    }

    /// <summary>False, with what is wrong, for anything else.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out DeletedTraces deleted, out string error)
    {
        deleted = None;
        error = JsonChecksum.IsRight(utf8.Span) ? "" : "the checksum does not match";
        if (error.Length > 0) return false;
        try
        {
            using var document = JsonDocument.Parse(utf8);
            var times = new Dictionary<TraceId, DateTimeOffset>();
            foreach (var entry in document.RootElement.GetProperty("traces").EnumerateArray())
            {
                var text = entry.GetProperty("id").GetString();
                if (text is null || !TraceId.TryParse(text, out var id)) error = $"'{text}' is no trace id";
                else times[id] = entry.GetProperty("time").GetDateTimeOffset();
            }

            if (error.Length == 0) deleted = new DeletedTraces(times);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            error = e.Message;
        }

        return error.Length == 0;
    }
}
