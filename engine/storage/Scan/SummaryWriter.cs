using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// The figures of a <see cref="SpanSummary"/> as attributes of a span, by the names of the collector's span pruning processor, which
/// Grafana knows.
/// </summary>
internal static class SummaryWriter
{
    public static void Write(ProtobufWriter writer, SpanSummary summary)
    {
        ScalarAttributeWriter.WriteNumber(writer.Buffer, SpanTag.Attributes, "aggregation.is_summary"u8, AttributeType.Bool, 1);
        WriteInt(writer, "aggregation.span_count"u8, summary.SpanCount);
        WriteInt(writer, "aggregation.duration_min_ns"u8, (long)summary.MinDurationNano);
        WriteInt(writer, "aggregation.duration_max_ns"u8, (long)summary.MaxDurationNano);
        WriteInt(writer, "aggregation.duration_avg_ns"u8, (long)(summary.TotalDurationNano / (ulong)summary.SpanCount));
        WriteInt(writer, "aggregation.duration_total_ns"u8, (long)summary.TotalDurationNano);
        var (keyValue, value, array) = BeginArray(writer, "aggregation.histogram_bucket_bounds_s"u8);
        foreach (var bound in SpanSummary.BoundsMs)
        {
            var item = writer.BeginMessage(ArrayValueTag.Values);
            writer.WriteFixed64(AnyValueTag.DoubleValue, BitConverter.DoubleToUInt64Bits(bound / 1000));
            writer.EndMessage(item);
        }

        EndArray(writer, keyValue, value, array);
        (keyValue, value, array) = BeginArray(writer, "aggregation.histogram_bucket_counts"u8);
        foreach (var count in summary.Counts)
        {
            var item = writer.BeginMessage(ArrayValueTag.Values);
            writer.WriteVarint(AnyValueTag.IntValue, (ulong)count);
            writer.EndMessage(item);
        }

        EndArray(writer, keyValue, value, array);
    }

    private static void WriteInt(ProtobufWriter writer, ReadOnlySpan<byte> key, long value) =>
        ScalarAttributeWriter.WriteNumber(writer.Buffer, SpanTag.Attributes, key, AttributeType.Int, value);

    private static (int KeyValue, int Value, int Array) BeginArray(ProtobufWriter writer, ReadOnlySpan<byte> key)
    {
        var keyValue = writer.BeginMessage(SpanTag.Attributes);
        writer.WriteBytes(KeyValueTag.Key, key);
        var value = writer.BeginMessage(KeyValueTag.Value);
        return (keyValue, value, writer.BeginMessage(AnyValueTag.ArrayValue));
    }

    private static void EndArray(ProtobufWriter writer, int keyValue, int value, int array)
    {
        writer.EndMessage(array);
        writer.EndMessage(value);
        writer.EndMessage(keyValue);
    }
}
