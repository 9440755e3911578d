using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Holds <c>max_bytes_per_trace</c> against a trace that is written for an answer, so that whatever was accepted below the limit
/// can be read whole. The two sides count differently on purpose:
/// <code>
/// taken in   spans as they came, cut attributes as cut; what the canonical form adds to empty attributes and links; once a run
///            their resource and scope (AdmissionSink)
/// read       spans as they are written, less <see cref="GrowthBytes"/> each and what U+FFFD in place of a byte adds
/// </code>
/// Resources are not counted here, as an answer repeats them at the seams of its parts; for what is left of the memory of an
/// answer that is held back until its size is known, everything together may be <see cref="HardTimes"/> the limit.
/// </summary>
/// <param name="maxBytes">0: no limit.</param>
public sealed class TraceSizeLimit(long maxBytes)
{
    /// <summary>
    /// As long as the two ids that each span came with; it covers what the canonical form of a span adds: the end that stands for
    /// none (9), the parent of a server's half of a shared span (10).
    /// </summary>
    private const int GrowthBytes = 28;

    private const int HardTimes = 4;
    private const uint NoTag = 0;

    private long _spanBytes;
    private long _allBytes;
    private int _repeatedBytes;

    public long MaxBytes => maxBytes;

    /// <summary>What was added is more than was ever accepted.</summary>
    public bool IsPassed => maxBytes > 0 && (_spanBytes > maxBytes || _allBytes / HardTimes > maxBytes);

    /// <summary>
    /// How long the next part should be: at most <paramref name="usualBytes"/> and what is left until the limit, unless the resource that
    /// it repeats is large itself, which then has as much of spans beside it. Otherwise each part would be a resource and one span.
    /// </summary>
    public int NextPartBytes(int usualBytes)
    {
        var left = maxBytes > 0 ? Math.Max(1, maxBytes - _spanBytes) : long.MaxValue;
        return (int)Math.Min(Math.Min(left, Math.Max(usualBytes - _repeatedBytes, _repeatedBytes)) + _repeatedBytes, int.MaxValue);
    }

    /// <summary>Counts a part: fields of a TracesData in canonical form.</summary>
    public void Add(ReadOnlySpan<byte> part)
    {
        _allBytes += part.Length;
        var (before, none) = (_spanBytes, 0);
        var resources = new Messages(part, TracesDataTag.ResourceSpans, NoTag);
        ReadOnlySpan<byte> last = default;
        while (resources.TryReadNext(ref none, out var resourceSpans))
        {
            last = resourceSpans;
            if (maxBytes > 0) AddResource(resourceSpans);
        }

        if (maxBytes > 0) _spanBytes = Math.Max(before, _spanBytes - 2L * part.Count("\uFFFD"u8));
        else AddResource(last); // of which the next part repeats the beginning; the others are of no interest without a limit
    }

    private void AddResource(ReadOnlySpan<byte> resourceSpans)
    {
        int resource = 0, scope = 0, spanCount = 0;
        var scopes = new Messages(resourceSpans, ResourceSpansTag.ScopeSpans, ResourceSpansTag.Resource);
        while (scopes.TryReadNext(ref resource, out var scopeSpans))
        {
            var spans = new Messages(scopeSpans, ScopeSpansTag.Spans, ScopeSpansTag.Scope);
            for (; spans.TryReadNext(ref scope, out var span); spanCount++) _spanBytes += Math.Max(0, span.Length - GrowthBytes);
        }

        // The last ones are those that the next part may begin with, too.
        if (spanCount > 0) _repeatedBytes = resource + scope;
    }

    /// <summary>The fields <paramref name="tag"/> of a message; of those that stand around them the length.</summary>
    private ref struct Messages(ReadOnlySpan<byte> message, uint tag, uint aroundTag)
    {
        private ProtobufReader _reader = new(message);

        public bool TryReadNext(scoped ref int aroundBytes, out ReadOnlySpan<byte> content)
        {
            while (_reader.TryReadTag(out var found))
            {
                if (found == tag) return _reader.TryReadBytes(out content);
                if (found != aroundTag)
                {
                    if (!_reader.TrySkip(found)) break;
                    continue;
                }

                if (!_reader.TryReadBytes(out var around)) break;
                aroundBytes = around.Length;
            }

            content = default;
            return false;
        }
    }
}
