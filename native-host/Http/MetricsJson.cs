using System.Buffers;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Query;

namespace Tempo.Host.Http;

/// <summary>
/// tempopb.QueryRangeResponse and QueryInstantResponse in proto-JSON: a value of zero is left out, the list of series is always
/// there, timestamps are strings and stand before the value of a sample and behind that of an exemplar.
/// </summary>
internal static class MetricsJson
{
    public static void Write(QueryRangeResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("series"u8);
        json.BeginArray();
        foreach (var series in result.Series) WriteSeries(ref json, series);
        json.EndArray();
        WriteEnd(ref json, result.Metrics, result.Message, result.Explanation);
    }

    public static void Write(QueryInstantResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("series"u8);
        json.BeginArray();
        foreach (var series in result.Series)
        {
            json.BeginObject();
            WriteLabels(ref json, series.Labels);
            WriteValue(ref json, series.Value);
            json.EndObject();
        }

        json.EndArray();
        WriteEnd(ref json, result.Metrics, result.Message, result.Explanation);
    }

    private static void WriteSeries(ref ProtoJsonWriter json, TimeSeriesResult series)
    {
        json.BeginObject();
        WriteLabels(ref json, series.Labels);
        if (series.Samples.Count > 0)
        {
            json.WriteName("samples"u8);
            json.BeginArray();
            foreach (var sample in series.Samples)
            {
                json.BeginObject();
                WriteTimestamp(ref json, sample.TimestampMs);
                WriteValue(ref json, sample.Value);
                json.EndObject();
            }

            json.EndArray();
        }

        WriteExemplars(ref json, series.Exemplars);
        json.EndObject();
    }

    private static void WriteExemplars(ref ProtoJsonWriter json, List<ExemplarResult> exemplars)
    {
        if (exemplars.Count == 0) return;
        json.WriteName("exemplars"u8);
        json.BeginArray();
        foreach (var exemplar in exemplars)
        {
            json.BeginObject();
            WriteLabels(ref json, exemplar.Labels);
            WriteValue(ref json, exemplar.Value);
            WriteTimestamp(ref json, exemplar.TimestampMs);
            json.EndObject();
        }

        json.EndArray();
    }

    private static void WriteLabels(ref ProtoJsonWriter json, IReadOnlyList<AttributeResult> labels)
    {
        if (labels.Count == 0) return;
        json.WriteName("labels"u8);
        SearchJson.WriteKeyValues(ref json, labels);
    }

    private static void WriteTimestamp(ref ProtoJsonWriter json, long timestampMs)
    {
        if (timestampMs == 0) return;
        json.WriteName("timestampMs"u8);
        json.WriteInt64(timestampMs);
    }

    private static void WriteValue(ref ProtoJsonWriter json, double value)
    {
        if (value == 0) return;
        json.WriteName("value"u8);
        json.WriteDouble(value);
    }

    // Unlike the searches, these answers say how many spans of blocks were looked at.
    private static void WriteEnd(ref ProtoJsonWriter json, SearchMetrics metrics, string message, string? explanation)
    {
        json.WriteName("metrics"u8);
        json.BeginObject();
        SearchJson.WriteUInt64(ref json, "inspectedBytes"u8, metrics.InspectedBytes);
        SearchJson.WriteUInt32(ref json, "totalBlocks"u8, metrics.TotalBlocks);
        SearchJson.WriteUInt32(ref json, "completedJobs"u8, metrics.CompletedJobs);
        SearchJson.WriteUInt32(ref json, "totalJobs"u8, metrics.TotalJobs);
        SearchJson.WriteUInt64(ref json, "totalBlockBytes"u8, metrics.TotalBlockBytes);
        SearchJson.WriteUInt64(ref json, "inspectedSpans"u8, metrics.InspectedSpans);
        json.EndObject();
        if (message.Length > 0)
        {
            json.WriteName("status"u8);
            json.WriteText("PARTIAL");
            json.WriteName("message"u8);
            json.WriteText(message);
        }

        // Ours, and only for who asks with(explain=true).
        SearchJson.WriteText(ref json, "explain"u8, explanation);
        json.EndObject();
    }
}
