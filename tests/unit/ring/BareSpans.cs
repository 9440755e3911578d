using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Ring.Tests;

/// <summary>Requests of spans that have ids, and an end at the most.</summary>
internal static class BareSpans
{
    /// <summary>
    /// Appends a request with a span of each of the traces, in their order; span ids count up. They have an end if one is given.
    /// </summary>
    public static void Write(NativeBuffer request, IEnumerable<TraceId> traces, DateTimeOffset? end = null)
    {
        var writer = new ProtobufWriter(request);
        var resource = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scope = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        byte number = 0;
        foreach (var trace in traces)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            trace.Write(id);
            writer.WriteBytes(SpanTag.TraceId, id);
            writer.WriteBytes(SpanTag.SpanId, [1, 2, 3, 4, 5, 6, 7, ++number]);
            if (end is { } time) writer.WriteFixed64(SpanTag.EndTimeUnixNano, (ulong)time.ToUnixTimeMilliseconds() * 1_000_000);
            writer.EndMessage(span);
        }

        writer.EndMessage(scope);
        writer.EndMessage(resource);
    }
}
