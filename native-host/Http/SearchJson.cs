using System.Buffers;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Query;

namespace Tempo.Host.Http;

/// <summary>
/// tempopb.SearchResponse in proto-JSON: zero values left out, 64-bit numbers as strings, the list of traces always
/// there.
/// </summary>
internal static class SearchJson
{
    /// <summary>What stands for the service of a trace whose root has not come.</summary>
    public const string RootNotReceived = "<root span not yet received>";

    /// <param name="result">The traces, in the order of the answer.</param>
    /// <param name="hasSpanSets">False for searches without TraceQL, whose hits are listed without spans and statistics.</param>
    /// <param name="output">Receives one JSON object.</param>
    /// <param name="arePadded">Trace ids with all their digits; else without leading zeros.</param>
    public static void Write(SearchResult result, bool hasSpanSets, IBufferWriter<byte> output, bool arePadded = false)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("traces"u8);
        json.BeginArray();
        foreach (var trace in result.Traces)
            if (!hasSpanSets || !SearchJsonRow.TryWrite(ref json, trace, arePadded))
                WriteTrace(ref json, trace, hasSpanSets, arePadded);
        json.EndArray();
        json.WriteName("metrics"u8);
        WriteMetrics(ref json, result.Metrics, hasSpanSets);
        // Ours, and only for who asks with(explain=true).
        WriteText(ref json, "explain"u8, result.Explanation);
        if (result.Total >= 0) WritePage(ref json, result);
        json.EndObject();
    }

    // Ours, of an answer that was asked for by pages; clients that do not know the members ignore them.
    private static void WritePage(ref ProtoJsonWriter json, SearchResult result)
    {
        json.WriteName("total"u8);
        json.WriteInt64(result.Total);
        json.WriteName("hasMore"u8);
        json.WriteBool(result.NextCursor.Length > 0);
        if (result.NextCursor.Length == 0) return;
        json.WriteName("cursor"u8);
        json.WriteText(result.NextCursor);
    }

    /// <summary>Token by token, whatever the texts and values are.</summary>
    internal static void WriteTrace(ref ProtoJsonWriter json, TraceSearchResult trace, bool hasSpanSets, bool arePadded)
    {
        json.BeginObject();
        WriteText(ref json, "traceID"u8, arePadded ? trace.TraceId.ToString() : trace.TraceId.ToShortString());
        WriteText(ref json, "rootServiceName"u8, trace.RootServiceName ?? RootNotReceived);
        WriteText(ref json, "rootTraceName"u8, trace.RootTraceName);
        WriteUInt64(ref json, "startTimeUnixNano"u8, trace.StartTimeUnixNano);
        WriteUInt32(ref json, "durationMs"u8, trace.DurationMs);
        if (hasSpanSets) WriteSpanSets(ref json, trace);
        json.EndObject();
    }

    private static void WriteSpanSets(ref ProtoJsonWriter json, TraceSearchResult trace)
    {
        if (trace.SpanSets.Length > 0)
        {
            json.WriteName("spanSet"u8);
            WriteSpanSet(ref json, trace.SpanSets[0]);
            json.WriteName("spanSets"u8);
            json.BeginArray();
            foreach (var set in trace.SpanSets) WriteSpanSet(ref json, set);
            json.EndArray();
        }

        if (trace.ServiceStats.Length == 0) return;
        json.WriteName("serviceStats"u8);
        json.BeginObject();
        foreach (var stats in trace.ServiceStats)
        {
            json.WriteMapKey(stats.ServiceName);
            json.BeginObject();
            WriteUInt32(ref json, "spanCount"u8, stats.SpanCount);
            WriteUInt32(ref json, "errorCount"u8, stats.ErrorCount);
            json.EndObject();
        }

        json.EndObject();
    }

    private static void WriteSpanSet(ref ProtoJsonWriter json, SpanSetResult set)
    {
        json.BeginObject();
        if (set.Spans.Length > 0)
        {
            json.WriteName("spans"u8);
            json.BeginArray();
            foreach (var span in set.Spans) WriteSpan(ref json, span);
            json.EndArray();
        }

        WriteUInt32(ref json, "matched"u8, set.Matched);
        WriteAttributes(ref json, set.Attributes);
        json.EndObject();
    }

    private static void WriteSpan(ref ProtoJsonWriter json, SpanResult span)
    {
        json.BeginObject();
        WriteText(ref json, "spanID"u8, span.SpanId.ToString());
        WriteText(ref json, "name"u8, span.Name);
        WriteUInt64(ref json, "startTimeUnixNano"u8, span.StartTimeUnixNano);
        WriteUInt64(ref json, "durationNanos"u8, span.DurationNanos);
        WriteAttributes(ref json, span.Attributes);
        json.EndObject();
    }

    private static void WriteAttributes(ref ProtoJsonWriter json, AttributeResult[] attributes)
    {
        if (attributes.Length == 0) return;
        json.WriteName("attributes"u8);
        WriteKeyValues(ref json, attributes);
    }

    /// <summary>A list of KeyValue messages.</summary>
    internal static void WriteKeyValues(ref ProtoJsonWriter json, IReadOnlyList<AttributeResult> attributes)
    {
        json.BeginArray();
        foreach (var (key, value) in attributes)
        {
            json.BeginObject();
            WriteText(ref json, "key"u8, key);
            json.WriteName("value"u8);
            WriteValue(ref json, value);
            json.EndObject();
        }

        json.EndArray();
    }

    // A member of the oneof is written even when it is zero. Arrays hold scalars only, so this recurses once.
    private static void WriteValue(ref ProtoJsonWriter json, object value)
    {
        json.BeginObject();
        switch (value)
        {
            case string text:
                json.WriteName("stringValue"u8);
                json.WriteText(text);
                break;
            case long number:
                json.WriteName("intValue"u8);
                json.WriteInt64(number);
                break;
            case double number:
                json.WriteName("doubleValue"u8);
                json.WriteDouble(number);
                break;
            case bool flag:
                json.WriteName("boolValue"u8);
                json.WriteBool(flag);
                break;
            case object[] items:
                json.WriteName("arrayValue"u8);
                json.BeginObject();
                WriteItems(ref json, items);
                json.EndObject();
                break;
        }

        json.EndObject();
    }

    private static void WriteItems(ref ProtoJsonWriter json, object[] items)
    {
        if (items.Length == 0) return;
        json.WriteName("values"u8);
        json.BeginArray();
        foreach (var item in items) WriteValue(ref json, item is object[]? Array.Empty<object>() : item);
        json.EndArray();
    }

    // Tempo counts traces in the searches without TraceQL only, and spans in neither.
    private static void WriteMetrics(ref ProtoJsonWriter json, SearchMetrics metrics, bool hasSpanSets)
    {
        json.BeginObject();
        if (!hasSpanSets) WriteUInt32(ref json, "inspectedTraces"u8, metrics.InspectedTraces);
        WriteUInt64(ref json, "inspectedBytes"u8, metrics.InspectedBytes);
        WriteUInt32(ref json, "totalBlocks"u8, metrics.TotalBlocks);
        WriteUInt32(ref json, "completedJobs"u8, metrics.CompletedJobs);
        WriteUInt32(ref json, "totalJobs"u8, metrics.TotalJobs);
        WriteUInt64(ref json, "totalBlockBytes"u8, metrics.TotalBlockBytes);
        json.EndObject();
    }

    internal static void WriteText(ref ProtoJsonWriter json, ReadOnlySpan<byte> name, string? text)
    {
        if (string.IsNullOrEmpty(text)) return;
        json.WriteName(name);
        json.WriteText(text);
    }

    internal static void WriteUInt32(ref ProtoJsonWriter json, ReadOnlySpan<byte> name, uint value)
    {
        if (value == 0) return;
        json.WriteName(name);
        json.WriteNumber(value);
    }

    internal static void WriteUInt64(ref ProtoJsonWriter json, ReadOnlySpan<byte> name, ulong value)
    {
        if (value == 0) return;
        json.WriteName(name);
        json.WriteUInt64(value);
    }
}
