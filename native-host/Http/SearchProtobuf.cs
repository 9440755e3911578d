using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query;
using Tempo.Host.Grpc;

namespace Tempo.Host.Http;

/// <summary>
/// tempopb.SearchResponse in protobuf:
/// <code>
/// SearchResponse      { repeated TraceSearchMetadata traces = 1; SearchMetrics metrics = 2; }
/// TraceSearchMetadata { string traceID = 1; string rootServiceName = 2; string rootTraceName = 3; uint64 startTimeUnixNano = 4;
///                       uint32 durationMs = 5; SpanSet spanSet = 6; repeated SpanSet spanSets = 7;
///                       map&lt;string, ServiceStats> serviceStats = 8; }
/// ServiceStats        { uint32 spanCount = 1; uint32 errorCount = 2; }
/// SpanSet             { repeated Span spans = 1; uint32 matched = 2; repeated KeyValue attributes = 3; }
/// Span                { string spanID = 1; string name = 2; uint64 startTimeUnixNano = 3; uint64 durationNanos = 4;
///                       repeated KeyValue attributes = 5; }
/// SearchMetrics       { uint32 inspectedTraces = 1; uint64 inspectedBytes = 2; uint32 totalBlocks = 3; uint32 completedJobs = 4;
///                       uint32 totalJobs = 5; uint64 totalBlockBytes = 6; uint64 inspectedSpans = 7; }
/// KeyValue            { string key = 1; AnyValue value = 2; }
/// AnyValue            { oneof { string 1; bool 2; int64 3; double 4; ArrayValue 5; } }      ArrayValue { repeated AnyValue values = 1; }
/// </code>
/// </summary>
internal static class SearchProtobuf
{
    /// <param name="result">The traces, in the order of the answer.</param>
    /// <param name="hasSpanSets">See <see cref="SearchJson.Write"/>.</param>
    /// <param name="output">Receives the message.</param>
    /// <param name="arePadded">See <see cref="SearchJson.Write"/>.</param>
    public static void Write(SearchResult result, bool hasSpanSets, IBufferWriter<byte> output, bool arePadded = false)
    {
        using var buffer = new NativeBuffer();
        WritePacket(result.Traces, 0, result.Metrics, hasSpanSets, int.MaxValue, buffer, arePadded);
        output.Write(buffer.Written);
    }

    /// <summary>
    /// Writes one message with the metrics and as many traces from <paramref name="first"/> on as stay below
    /// <paramref name="maxBytes"/>, at least one; the result is the trace to go on with.
    /// </summary>
    public static int WritePacket(
        List<TraceSearchResult> traces, int first, SearchMetrics metrics, bool hasSpanSets, int maxBytes, NativeBuffer output,
        bool arePadded = false)
    {
        var writer = new ProtobufWriter(output);
        var next = first;
        for (; next < traces.Count; next++)
        {
            var start = output.Length;
            var message = writer.BeginMessage(Bytes(1));
            WriteTrace(writer, traces[next], hasSpanSets, arePadded);
            writer.EndMessage(message);
            if (output.Length <= maxBytes || next == first) continue;
            output.Truncate(start);
            break;
        }

        var last = writer.BeginMessage(Bytes(2));
        WriteMetrics(writer, metrics, hasSpanSets);
        writer.EndMessage(last);
        return next;
    }

    private static void WriteTrace(ProtobufWriter writer, TraceSearchResult trace, bool hasSpanSets, bool arePadded)
    {
        WriteText(writer, 1, arePadded ? trace.TraceId.ToString() : trace.TraceId.ToShortString());
        WriteText(writer, 2, trace.RootServiceName ?? SearchJson.RootNotReceived);
        WriteText(writer, 3, trace.RootTraceName);
        WriteNumber(writer, 4, trace.StartTimeUnixNano);
        WriteNumber(writer, 5, trace.DurationMs);
        if (!hasSpanSets) return;
        if (trace.SpanSets.Length > 0) WriteSpanSet(writer, 6, trace.SpanSets[0]);
        foreach (var set in trace.SpanSets) WriteSpanSet(writer, 7, set);
        foreach (var stats in trace.ServiceStats)
        {
            var entry = writer.BeginMessage(Bytes(8));
            WriteText(writer, 1, stats.ServiceName);
            var value = writer.BeginMessage(Bytes(2));
            WriteNumber(writer, 1, stats.SpanCount);
            WriteNumber(writer, 2, stats.ErrorCount);
            writer.EndMessage(value);
            writer.EndMessage(entry);
        }
    }

    private static void WriteSpanSet(ProtobufWriter writer, uint field, SpanSetResult set)
    {
        var message = writer.BeginMessage(Bytes(field));
        foreach (var span in set.Spans)
        {
            var inner = writer.BeginMessage(Bytes(1));
            WriteText(writer, 1, span.SpanId.ToString());
            WriteText(writer, 2, span.Name);
            WriteNumber(writer, 3, span.StartTimeUnixNano);
            WriteNumber(writer, 4, span.DurationNanos);
            WriteAttributes(writer, 5, span.Attributes);
            writer.EndMessage(inner);
        }

        WriteNumber(writer, 2, set.Matched);
        WriteAttributes(writer, 3, set.Attributes);
        writer.EndMessage(message);
    }

    internal static void WriteAttributes(ProtobufWriter writer, uint field, IReadOnlyList<AttributeResult> attributes)
    {
        foreach (var (key, value) in attributes)
        {
            var message = writer.BeginMessage(Bytes(field));
            WriteText(writer, 1, key);
            var any = writer.BeginMessage(Bytes(2));
            WriteValue(writer, value);
            writer.EndMessage(any);
            writer.EndMessage(message);
        }
    }

    // A member of the oneof is written even when it is zero. Arrays hold scalars only, so this recurses once.
    private static void WriteValue(ProtobufWriter writer, object value)
    {
        switch (value)
        {
            case string text:
                writer.WriteText(Bytes(1), text);
                break;
            case bool flag:
                writer.WriteBool(Number(2), flag);
                break;
            case long number:
                writer.WriteVarint(Number(3), (ulong)number);
                break;
            case double number:
                writer.WriteDouble(4 << WireType.NumberShift | WireType.Fixed64, number);
                break;
            case object[] items:
                var array = writer.BeginMessage(Bytes(5));
                foreach (var item in items)
                {
                    var any = writer.BeginMessage(Bytes(1));
                    if (item is not object[]) WriteValue(writer, item);
                    writer.EndMessage(any);
                }

                writer.EndMessage(array);
                break;
        }
    }

    // The same fields as in JSON.
    private static void WriteMetrics(ProtobufWriter writer, SearchMetrics metrics, bool hasSpanSets)
    {
        if (!hasSpanSets) WriteNumber(writer, 1, metrics.InspectedTraces);
        WriteNumber(writer, 2, metrics.InspectedBytes);
        WriteNumber(writer, 3, metrics.TotalBlocks);
        WriteNumber(writer, 4, metrics.CompletedJobs);
        WriteNumber(writer, 5, metrics.TotalJobs);
        WriteNumber(writer, 6, metrics.TotalBlockBytes);
    }

    private static void WriteText(ProtobufWriter writer, uint field, string? text)
    {
        if (!string.IsNullOrEmpty(text)) writer.WriteText(Bytes(field), text);
    }

    private static void WriteNumber(ProtobufWriter writer, uint field, ulong value)
    {
        if (value != 0) writer.WriteVarint(Number(field), value);
    }

    private static uint Bytes(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;

    private static uint Number(uint field) => field << WireType.NumberShift | WireType.Varint;
}
