using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// Asks for the places in the duplicate filter that the spans of a request will need, all at once and before they are counted.
/// The filter is larger than the caches, and the places of random ids are anywhere in it: one after the other each span would wait
/// for memory. Only ids that stand where encoders put them, at the start of a span, are found; for the others nothing is lost but this.
/// </summary>
internal static class SpanPrefetch
{
    /// <summary>Spans of one request; their lines, two each, fit into the second cache.</summary>
    private const int MaxSpans = 2048;

    private const int IdsBytes = 28;

    public static void Run(ReadOnlySpan<byte> request, DuplicateFilter filter)
    {
        var left = MaxSpans;
        var resources = new ProtobufReader(request);
        while (TryFind(ref resources, TracesDataTag.ResourceSpans, out var resourceSpans))
        {
            var scopes = new ProtobufReader(resourceSpans);
            while (TryFind(ref scopes, ResourceSpansTag.ScopeSpans, out var scopeSpans))
            {
                var spans = new ProtobufReader(scopeSpans);
                while (TryFind(ref spans, ScopeSpansTag.Spans, out var span))
                {
                    if (left-- == 0) return;
                    // trace_id of 16 bytes, span_id of 8.
                    if (span.Length < IdsBytes || span[0] != SpanTag.TraceId || span[1] != 16 || span[18] != SpanTag.SpanId
                        || span[19] != 8)
                        continue;
                    filter.Prefetch(TraceId.Read(span[2..18]), SpanId.Read(span[20..28]).Value);
                }
            }
        }
    }

    private static bool TryFind(ref ProtobufReader reader, uint wanted, out ReadOnlySpan<byte> message)
    {
        message = default;
        while (reader.TryReadTag(out var tag))
        {
            if (tag == wanted) return reader.TryReadBytes(out message);
            if (!reader.TrySkip(tag)) return false;
        }

        return false;
    }
}
