using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>
/// A native histogram as prometheus.Histogram: one span of buckets without holes (an empty bucket costs a byte). Whole
/// counts are written as differences of integers, others as they are.
/// </summary>
internal static class NativeHistogramEncoding
{
    public static void Write(ProtobufWriter writer, NativeHistogram histogram, bool isWhole, long unixMs)
    {
        var message = Begin(writer, histogram.Schema, isWhole, histogram.Count, histogram.ZeroCount, histogram.Sum);
        var buckets = histogram.Buckets;
        if (buckets.Length > 0)
        {
            var span = writer.BeginMessage(HistogramTag.PositiveSpans);
            writer.WriteVarint(BucketSpanTag.Offset, ZigZag(histogram.FirstIndex));
            writer.WriteVarint(BucketSpanTag.Length, (ulong)buckets.Length);
            writer.EndMessage(span);
            if (isWhole) WriteDeltas(writer, buckets);
            else WriteCounts(writer, buckets);
        }

        writer.WriteVarint(HistogramTag.Timestamp, (ulong)unixMs);
        writer.EndMessage(message);
    }

    /// <summary>One without observations; the staleness marker is one whose sum is it.</summary>
    public static void WriteEmpty(ProtobufWriter writer, int schema, bool isWhole, double sum, long unixMs)
    {
        var message = Begin(writer, schema, isWhole, 0, 0, sum);
        writer.WriteVarint(HistogramTag.Timestamp, (ulong)unixMs);
        writer.EndMessage(message);
    }

    private static int Begin(ProtobufWriter writer, int schema, bool isWhole, double count, double zeroCount, double sum)
    {
        var message = writer.BeginMessage(TimeSeriesTag.Histograms);
        if (isWhole) writer.WriteVarint(HistogramTag.CountInt, (ulong)count);
        else writer.WriteDouble(HistogramTag.CountFloat, count);
        writer.WriteDouble(HistogramTag.Sum, sum);
        writer.WriteVarint(HistogramTag.Schema, ZigZag(schema));
        writer.WriteDouble(HistogramTag.ZeroThreshold, NativeHistogram.ZeroThreshold);
        if (isWhole) writer.WriteVarint(HistogramTag.ZeroCountInt, (ulong)zeroCount);
        else writer.WriteDouble(HistogramTag.ZeroCountFloat, zeroCount);
        return message;
    }

    private static void WriteDeltas(ProtobufWriter writer, ReadOnlySpan<double> buckets)
    {
        Span<byte> varint = stackalloc byte[Varint.MaxSizeBytes];
        var packed = writer.BeginMessage(HistogramTag.PositiveDeltas);
        long before = 0;
        foreach (var bucket in buckets)
        {
            writer.Buffer.Append(varint[..Varint.Encode(varint, ZigZag((long)bucket - before))]);
            before = (long)bucket;
        }

        writer.EndMessage(packed);
    }

    private static void WriteCounts(ProtobufWriter writer, ReadOnlySpan<double> buckets)
    {
        var packed = writer.BeginMessage(HistogramTag.PositiveCounts);
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        foreach (var bucket in buckets)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteDoubleLittleEndian(bytes, bucket);
            writer.Buffer.Append(bytes);
        }

        writer.EndMessage(packed);
    }

    private static ulong ZigZag(long value) => (ulong)(value << 1 ^ value >> 63);
}
