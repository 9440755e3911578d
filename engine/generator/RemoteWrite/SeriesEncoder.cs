using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>What a batch holds.</summary>
public readonly record struct BatchCounts(int Samples, int Exemplars, int Histograms)
{
    public int Total => Samples + Histograms;
}

/// <summary>
/// Writes series as WriteRequest messages of remote write version 1, in batches. All that a receiver may want is in them:
/// who wants less, or version 2, gets it made from them.
/// <para>
/// Labels must be sorted, and a classic histogram is many series that differ in <c>__name__</c> and <c>le</c> only. So an
/// entity's labels are encoded once, in three pieces (before, between and behind those two), and each series is put
/// together from the pieces.
/// </para>
/// </summary>
internal sealed class SeriesEncoder : ISeriesVisitor, IDisposable
{
    /// <summary>Prometheus' max_samples_per_send.</summary>
    public const int DefaultMaxBatchSamples = 2000;

    private static readonly double StaleValue = BitConverter.UInt64BitsToDouble(0x7FF0_0000_0000_0002);

    private readonly NativeBuffer _batch = new();
    private readonly LabelPieces _labels;
    private readonly byte[] _traceIdLabel;
    private readonly int _maxBatchSamples;
    private readonly Action<NativeBuffer, BatchCounts> _emit;
    private readonly Dictionary<MetricColumn, ColumnNames> _names = [];
    private int _samples;
    private int _exemplars;
    private int _histograms;

    /// <param name="constantLabels">Labels of every series; they go before an entity's own label of the same name.</param>
    /// <param name="traceIdLabel">Label of an exemplar.</param>
    /// <param name="maxBatchSamples">Batches are given out when they have so many; they have some more, up to a slice of the table.</param>
    /// <param name="emit">Gets each batch; the buffer is used again after it returns.</param>
    public SeriesEncoder(
        IEnumerable<KeyValuePair<string, string>> constantLabels, string traceIdLabel, int maxBatchSamples,
        Action<NativeBuffer, BatchCounts> emit)
    {
        _labels = new LabelPieces(constantLabels);
        _traceIdLabel = Encoding.UTF8.GetBytes(traceIdLabel);
        _maxBatchSamples = maxBatchSamples;
        _emit = emit;
    }

    /// <summary>Time of the samples.</summary>
    public long UnixMs { get; set; }

    /// <summary>Time of the zeros that go ahead of new series; before <see cref="UnixMs"/>.</summary>
    public long ZeroUnixMs { get; set; }

    /// <summary>Exemplars from before this were sent.</summary>
    public long ExemplarsAfterUnixMs { get; set; }

    public void Begin(in EntityLabels labels)
    {
        _labels.Set(labels);
    }

    /// <summary>Gives out a batch that is large enough. Called between slices, when no request waits for the tenant's lock.</summary>
    public void FlushIfFull()
    {
        if (_samples + _histograms >= _maxBatchSamples) Flush();
    }

    /// <summary>Gives out what is left.</summary>
    public void Flush()
    {
        if (_batch.Length > 0) _emit(_batch, new BatchCounts(_samples, _exemplars, _histograms));
        _batch.Clear();
        _samples = _exemplars = _histograms = 0;
    }

    public void Number(MetricColumn column, double value, SeriesMoment moment) =>
        WriteSeries(NamesOf(column).Name, [], value,
            column.Kind == MetricKind.Gauge && moment == SeriesMoment.Begins ? SeriesMoment.Lives : moment, default);

    public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
    {
        var names = NamesOf(column);
        if (column.IsClassic) WriteClassic(names, histogram, moment);
        if (histogram.Native is { } native) WriteNative(names, histogram, native, moment);
    }

    public void Dispose()
    {
        _batch.Dispose();
        _labels.Dispose();
    }

    private void WriteClassic(ColumnNames names, in HistogramView histogram, SeriesMoment moment)
    {
        double count = 0;
        for (var bucket = 0; bucket < histogram.Buckets.Length; bucket++)
        {
            count += histogram.Buckets[bucket];
            var exemplar = histogram.Exemplars.Length > 0 && moment != SeriesMoment.Ends ? histogram.Exemplars[bucket] : default;
            WriteSeries(names.Bucket, names.Bounds[bucket], count, moment, exemplar);
        }

        WriteSeries(names.Sum, [], histogram.Sum, moment, default);
        WriteSeries(names.Count, [], count, moment, default);
    }

    private void WriteSeries(ReadOnlySpan<byte> name, ReadOnlySpan<byte> bound, double value, SeriesMoment moment, Exemplar exemplar)
    {
        var writer = new ProtobufWriter(_batch);
        var series = writer.BeginMessage(WriteRequestTag.TimeSeries);
        _labels.WriteTo(writer, name, bound);
        if (moment == SeriesMoment.Begins) WriteSample(writer, 0, ZeroUnixMs);
        WriteSample(writer, moment == SeriesMoment.Ends ? StaleValue : value, UnixMs);
        if (exemplar.UnixMs > ExemplarsAfterUnixMs) WriteExemplar(writer, exemplar);
        writer.EndMessage(series);
    }

    private void WriteSample(ProtobufWriter writer, double value, long unixMs)
    {
        var sample = writer.BeginMessage(TimeSeriesTag.Samples);
        writer.WriteDouble(SampleTag.Value, value);
        writer.WriteVarint(SampleTag.Timestamp, (ulong)unixMs);
        writer.EndMessage(sample);
        _samples++;
    }

    private void WriteExemplar(ProtobufWriter writer, in Exemplar exemplar)
    {
        Span<byte> id = stackalloc byte[32];
        var message = writer.BeginMessage(TimeSeriesTag.Exemplars);
        var label = writer.BeginMessage(ExemplarTag.Labels);
        writer.WriteBytes(LabelTag.Name, _traceIdLabel);
        writer.WriteBytes(LabelTag.Value, id[..TraceIdText.Write(exemplar.TraceId, id)]);
        writer.EndMessage(label);
        writer.WriteDouble(ExemplarTag.Value, exemplar.Value);
        writer.WriteVarint(ExemplarTag.Timestamp, (ulong)exemplar.UnixMs);
        writer.EndMessage(message);
        _exemplars++;
    }

    private void WriteNative(ColumnNames names, in HistogramView view, NativeHistogram histogram, SeriesMoment moment)
    {
        var writer = new ProtobufWriter(_batch);
        var series = writer.BeginMessage(WriteRequestTag.TimeSeries);
        _labels.WriteTo(writer, names.Name, []);
        if (moment != SeriesMoment.Ends) WriteNewest(writer, view.Exemplars);
        if (moment == SeriesMoment.Begins) NativeHistogramEncoding.WriteEmpty(writer, histogram.Schema, view.IsWhole, 0, ZeroUnixMs);
        if (moment == SeriesMoment.Ends) NativeHistogramEncoding.WriteEmpty(writer, histogram.Schema, view.IsWhole, StaleValue, UnixMs);
        else NativeHistogramEncoding.Write(writer, histogram, view.IsWhole, UnixMs);
        writer.EndMessage(series);
        _histograms += moment == SeriesMoment.Begins ? 2 : 1;
    }

    // A native histogram is one series, and a series takes exemplars in the order of time only: the newest one.
    private void WriteNewest(ProtobufWriter writer, ReadOnlySpan<Exemplar> exemplars)
    {
        Exemplar newest = default;
        foreach (var exemplar in exemplars)
            if (exemplar.UnixMs > newest.UnixMs) newest = exemplar;
        if (newest.UnixMs > ExemplarsAfterUnixMs) WriteExemplar(writer, newest);
    }

    private ColumnNames NamesOf(MetricColumn column)
    {
        if (_names.TryGetValue(column, out var names)) return names;
        names = new ColumnNames(
            Encoding.UTF8.GetBytes(column.Name), Encoding.UTF8.GetBytes(column.Name + "_bucket"),
            Encoding.UTF8.GetBytes(column.Name + "_sum"), Encoding.UTF8.GetBytes(column.Name + "_count"),
            [.. column.Bounds.Select(static bound => Encoding.UTF8.GetBytes(BoundText.Of(bound))), "+Inf"u8.ToArray()]);
        _names.Add(column, names);
        return names;
    }

    private sealed record ColumnNames(byte[] Name, byte[] Bucket, byte[] Sum, byte[] Count, byte[][] Bounds);
}

/// <summary>The value of <c>le</c>: plain digits, as Tempo and Go write them (<c>0.002</c>, <c>1</c>).</summary>
internal static class BoundText
{
    public static string Of(double bound)
    {
        var text = bound.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal) && Math.Abs(bound) is < 1e28 and > 1e-28
            ? ((decimal)bound).ToString(CultureInfo.InvariantCulture)
            : text;
    }
}

/// <summary>A trace id as Tempo writes it in exemplars: lower-case hex without leading zeros.</summary>
internal static class TraceIdText
{
    /// <summary>At most 32 bytes; returns the length.</summary>
    public static int Write(TraceId id, Span<byte> text)
    {
        if (id.High == 0)
        {
            id.Low.TryFormat(text, out var length, "x", CultureInfo.InvariantCulture);
            return length;
        }

        id.High.TryFormat(text, out var high, "x", CultureInfo.InvariantCulture);
        id.Low.TryFormat(text[high..], out var low, "x16", CultureInfo.InvariantCulture);
        return high + low;
    }
}
