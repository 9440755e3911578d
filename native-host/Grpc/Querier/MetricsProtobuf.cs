using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query;
using Tempo.Host.Http;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// tempopb.QueryRangeResponse and QueryInstantResponse in protobuf (Protos/tempo.proto), in packets. The status stands in the
/// last one.
/// </summary>
internal static class MetricsProtobuf
{
    private const ulong Partial = 1;

    /// <summary>
    /// Writes one message: the metrics, and as many series from <paramref name="first"/> on as stay below
    /// <paramref name="maxBytes"/>, at least one if there are any. With a message the answer is partial. The result is the series to
    /// go on with.
    /// </summary>
    public static int WritePacket(
        List<TimeSeriesResult> series, SearchMetrics metrics, string message, int first, int maxBytes, NativeBuffer output) =>
            WritePacket(series, WriteSeries, metrics, message, first, maxBytes, output);

    /// <summary>The same for one value a series.</summary>
    public static int WritePacket(
        List<InstantSeriesResult> series, SearchMetrics metrics, string message, int first, int maxBytes, NativeBuffer output) =>
            WritePacket(series, WriteSeries, metrics, message, first, maxBytes, output);

    private static int WritePacket<T>(
        List<T> all, Action<ProtobufWriter, T> write, SearchMetrics metrics, string message, int first, int maxBytes, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        var next = first;
        for (; next < all.Count; next++)
        {
            var start = output.Length;
            var series = writer.BeginMessage(Bytes(1));
            write(writer, all[next]);
            writer.EndMessage(series);
            if (output.Length <= maxBytes || next == first) continue;
            output.Truncate(start);
            break;
        }

        var end = writer.BeginMessage(Bytes(2));
        WriteMetrics(writer, metrics);
        writer.EndMessage(end);
        if (next < all.Count || message.Length == 0) return next;
        writer.WriteVarint(Number(3), Partial);
        writer.WriteText(Bytes(4), message);
        return next;
    }

    private static void WriteSeries(ProtobufWriter writer, TimeSeriesResult series)
    {
        SearchProtobuf.WriteAttributes(writer, 1, series.Labels);
        foreach (var sample in series.Samples)
        {
            var message = writer.BeginMessage(Bytes(2));
            if (sample.Value != 0) writer.WriteDouble(Fixed64(1), sample.Value);
            if (sample.TimestampMs != 0) writer.WriteVarint(Number(2), (ulong)sample.TimestampMs);
            writer.EndMessage(message);
        }

        foreach (var exemplar in series.Exemplars)
        {
            var message = writer.BeginMessage(Bytes(4));
            SearchProtobuf.WriteAttributes(writer, 1, exemplar.Labels);
            if (exemplar.Value != 0) writer.WriteDouble(Fixed64(2), exemplar.Value);
            if (exemplar.TimestampMs != 0) writer.WriteVarint(Number(3), (ulong)exemplar.TimestampMs);
            writer.EndMessage(message);
        }
    }

    private static void WriteSeries(ProtobufWriter writer, InstantSeriesResult series)
    {
        SearchProtobuf.WriteAttributes(writer, 1, series.Labels);
        if (series.Value != 0) writer.WriteDouble(Fixed64(2), series.Value);
    }

    private static void WriteMetrics(ProtobufWriter writer, SearchMetrics metrics)
    {
        WriteNumber(writer, 2, metrics.InspectedBytes);
        WriteNumber(writer, 3, metrics.TotalBlocks);
        WriteNumber(writer, 4, metrics.CompletedJobs);
        WriteNumber(writer, 5, metrics.TotalJobs);
        WriteNumber(writer, 6, metrics.TotalBlockBytes);
        WriteNumber(writer, 7, metrics.InspectedSpans);
    }

    private static void WriteNumber(ProtobufWriter writer, uint field, ulong value)
    {
        if (value != 0) writer.WriteVarint(Number(field), value);
    }

    private static uint Bytes(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;

    private static uint Number(uint field) => field << WireType.NumberShift | WireType.Varint;

    private static uint Fixed64(uint field) => field << WireType.NumberShift | WireType.Fixed64;
}
