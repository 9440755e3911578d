using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node.Slices;

/// <summary>
/// The bytes of a query of a slice and of its answer, as protobuf messages; fields that are not known are passed over.
/// <code>
/// question  1 tenant, repeated   2 first trace id   3 last trace id   4 kind: 0 search, 1 range, 2 instant   5 query
///           6 start   7 end (search: s; else ns)   8 search: limit; else most series   9 search: spans of a set; range: exemplars
///           10 range: step, ns   11 search: shortest, ns   12 longest, ns   13 the present, 100 ns since year 1   14 deleted trace,
///                                repeated
/// answer    1 kind of failure + 1   2 its message   3 damage   4 content
/// </code>
/// </summary>
public static class SliceMessages
{
    private enum Kind
    {
        Search,
        Range,
        Instant,
    }

    internal static byte[] Encode(SliceQuestion question)
    {
        using var buffer = new NativeBuffer(512);
        var writer = new MessageWriter(buffer);
        foreach (var tenant in question.Tenants.Tenants) writer.Text(1, tenant.Value);
        writer.Id(2, question.Slice.First);
        writer.Id(3, question.Slice.Last);
        writer.Number(13, (ulong)question.Now.UtcTicks);
        foreach (var id in question.Hidden) writer.Id(14, id);
        switch (question.Request)
        {
            case SearchRequest search:
                Rest(writer, Kind.Search, search.Query, search.StartSeconds, search.EndSeconds, (uint)search.Limit,
                    (uint)search.SpansPerSpanSet);
                writer.Number(11, (ulong)search.MinDurationNano);
                writer.Number(12, (ulong)search.MaxDurationNano);
                break;
            case QueryRangeRequest range:
                Rest(writer, Kind.Range, range.Query, range.StartUnixNano, range.EndUnixNano, range.MaxSeries, range.Exemplars);
                writer.Number(10, range.StepNano);
                break;
            case QueryInstantRequest instant:
                Rest(writer, Kind.Instant, instant.Query, instant.StartUnixNano, instant.EndUnixNano, instant.MaxSeries, 0);
                break;
        }

        return buffer.Written.ToArray();
    }

    /// <summary>Throws <see cref="PeerException"/> for what is no question.</summary>
    internal static SliceQuestion DecodeQuestion(ReadOnlySpan<byte> message)
    {
        var tenants = new List<TenantId>();
        var ids = new TraceId?[2];
        var numbers = new ulong[14];
        var hidden = new HashSet<TraceId>();
        var query = "";
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) tenants.Add(PeerMessages.ReadTenant(bytes));
            else if (field is 2 or 3 && bytes.Length == TraceId.SizeBytes) ids[field - 2] = TraceId.Read(bytes);
            else if (field == 14 && bytes.Length == TraceId.SizeBytes) hidden.Add(TraceId.Read(bytes));
            else if (field == 5) query = Encoding.UTF8.GetString(bytes);
            else if (field < numbers.Length) numbers[field] = number;
        }

        if (tenants.Count == 0 || ids[0] is not { } first || ids[1] is not { } last)
            throw new PeerException("a query of a slice names no tenant or no slice");
        if (numbers[13] > (ulong)DateTime.MaxValue.Ticks)
            throw new PeerException($"a query of a slice has a present that no clock shows: {numbers[13]}");
        QueryRequest request = numbers[4] switch
        {
            (ulong)Kind.Search => new SearchRequest
            {
                Query = query,
                StartSeconds = (uint)numbers[6],
                EndSeconds = (uint)numbers[7],
                Limit = (int)Math.Clamp(numbers[8], 1, int.MaxValue),
                SpansPerSpanSet = (int)Math.Min(numbers[9], int.MaxValue),
                MinDurationNano = (long)numbers[11],
                MaxDurationNano = (long)numbers[12],
            },
            (ulong)Kind.Range =>
                new QueryRangeRequest
                {
                    Query = query,
                    StartUnixNano = numbers[6],
                    EndUnixNano = numbers[7],
                    MaxSeries = (uint)numbers[8],
                    Exemplars = (uint)numbers[9],
                    StepNano = numbers[10]
                },
            (ulong)Kind.Instant =>
                new QueryInstantRequest
                {
                    Query = query,
                    StartUnixNano = numbers[6],
                    EndUnixNano = numbers[7],
                    MaxSeries = (uint)numbers[8]
                },
            _ => throw new PeerException($"a query of a slice is of kind {numbers[4]}, which is not known here"),
        };
        return new SliceQuestion(TenantSet.Of(tenants), new TraceSlice(first, last),
            request)
        { Hidden = hidden, Now = new DateTimeOffset((long)numbers[13], TimeSpan.Zero) };
    }

    internal static void Write(NativeBuffer output, SliceAnswer answer)
    {
        var writer = new MessageWriter(output);
        if (answer.Failure is { } failure)
        {
            writer.Number(1, (ulong)failure.Kind + 1);
            writer.Text(2, failure.Message);
        }

        if (answer.Damage.Length > 0) writer.Text(3, answer.Damage);
        if (answer.Content is { } content) writer.Bytes(4, content.Written);
    }

    /// <summary>
    /// Throws <see cref="PeerException"/> for what is no answer, <see cref="MemoryAccountFullException"/> for one whose content has no
    /// room.
    /// </summary>
    internal static SliceAnswer DecodeAnswer(ReadOnlySpan<byte> message, IMemoryAccount? account = null)
    {
        var (failure, text, damage) = (0UL, "", "");
        Range? content = null;
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) failure = number;
            else if (field == 2) text = Encoding.UTF8.GetString(bytes);
            else if (field == 3) damage = Encoding.UTF8.GetString(bytes);
            else if (field == 4) content = (reader.Position - bytes.Length)..reader.Position;
        }

        if (failure > 0) return new SliceAnswer(null, new QueryException(KindOf(failure - 1), text), damage);
        if (content is not { } range) throw new PeerException("the answer of a slice has neither a content nor a failure");
        var copy = new NativeBuffer { Account = account };
        copy.Append(message[range]);
        return new SliceAnswer(copy, null, damage);
    }

    // Of a later version: what it means is not known here, and it is not believed.
    private static QueryErrorKind KindOf(ulong number) =>
        number <= (ulong)QueryErrorKind.Timeout ? (QueryErrorKind)number : QueryErrorKind.Busy;

    private static void Rest(MessageWriter writer, Kind kind, string query, ulong start, ulong end, uint most, uint more)
    {
        writer.Number(4, (ulong)kind);
        writer.Text(5, query);
        writer.Number(6, start);
        writer.Number(7, end);
        writer.Number(8, most);
        writer.Number(9, more);
    }
}
