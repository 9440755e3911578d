using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

/// <summary>Copies a request without the spans of some traces, for limits that refuse a part of it.</summary>
public static class OtlpSpanFilter
{
    /// <summary>
    /// Appends the request without those spans. Everything else stays as it is on the wire, resources and scopes that have
    /// become empty too. The request has been accepted by <see cref="OtlpTraceReader"/>.
    /// </summary>
    public static void CopyWithout(ReadOnlySpan<byte> request, IReadOnlySet<TraceId> traces, NativeBuffer output) =>
        Copy(request, depth: 0, traces, new ProtobufWriter(output));

    // The tag that leads down at each level: TracesData → ResourceSpans → ScopeSpans → Span.
    private static uint Inner(int depth) => depth switch
    {
        0 => TracesDataTag.ResourceSpans,
        1 => ResourceSpansTag.ScopeSpans,
        _ => ScopeSpansTag.Spans,
    };

    private static void Copy(ReadOnlySpan<byte> message, int depth, IReadOnlySet<TraceId> traces, ProtobufWriter writer)
    {
        var inner = Inner(depth);
        var reader = new ProtobufReader(message);
        while (true)
        {
            var start = reader.Position;
            if (!reader.TryReadTag(out var tag)) return;
            if (tag != inner)
            {
                if (!reader.TrySkip(tag)) return;
                writer.Buffer.Append(message[start..reader.Position]);
                continue;
            }

            if (!reader.TryReadBytes(out var content)) return;
            if (depth < 2)
            {
                var mark = writer.BeginMessage(tag);
                Copy(content, depth + 1, traces, writer);
                writer.EndMessage(mark);
            }
            else if (!IsRefused(content, traces))
            {
                writer.WriteBytes(tag, content);
            }
        }
    }

    private static bool IsRefused(ReadOnlySpan<byte> span, IReadOnlySet<TraceId> traces)
    {
        ReadOnlySpan<byte> id = default;
        var reader = new ProtobufReader(span);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == SpanTag.TraceId ? !reader.TryReadBytes(out id) : !reader.TrySkip(tag)) break;
        }

        return id.Length == TraceId.SizeBytes && traces.Contains(TraceId.Read(id));
    }
}
