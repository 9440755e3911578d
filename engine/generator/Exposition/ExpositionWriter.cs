using System.Buffers;
using System.Globalization;
using System.Text;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Engine.Generator.Exposition;

/// <summary>
/// Writes series as a page for scraping: the text format 0.0.4 or OpenMetrics 1.0, which has exemplars. Native histograms
/// have no text form; of a metric that is only native sum and count are shown.
/// </summary>
internal sealed class ExpositionWriter(IBufferWriter<byte> output, bool isOpenMetrics, string traceIdLabel) : ISeriesVisitor
{
    private readonly ArrayBufferWriter<byte> _labels = new();
    private readonly byte[] _traceIdLabel = Encoding.UTF8.GetBytes(traceIdLabel);

    /// <summary>The lines ahead of a metric's series.</summary>
    public void BeginMetric(MetricColumn column)
    {
        var name = isOpenMetrics && column.Kind == MetricKind.Counter ? column.Name[..^"_total".Length] : column.Name;
        Text($"# HELP {name} {column.Help}\n# TYPE {name} {column.Kind switch { MetricKind.Counter => "counter", MetricKind.Gauge => "gauge", _ => "histogram" }}\n");
    }

    /// <summary>The page's last line.</summary>
    public void End()
    {
        if (isOpenMetrics) output.Write("# EOF\n"u8);
    }

    public void Begin(in EntityLabels labels)
    {
        _labels.ResetWrittenCount();
        foreach (var label in labels)
        {
            if (_labels.WrittenCount > 0) _labels.Write(","u8);
            _labels.Write(label.Name);
            _labels.Write("=\""u8);
            Escape(label.Value);
            _labels.Write("\""u8);
        }
    }

    public void Number(MetricColumn column, double value, SeriesMoment moment) => Sample(column.Name, "", null, value, default);

    public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
    {
        double count = 0;
        for (var bucket = 0; bucket < histogram.Buckets.Length; bucket++)
        {
            count += histogram.Buckets[bucket];
            var bound = bucket < column.Bounds.Length ? BoundText.Of(column.Bounds[bucket]) : "+Inf";
            Sample(column.Name, "_bucket", bound, count, histogram.Exemplars.Length > 0 ? histogram.Exemplars[bucket] : default);
        }

        if (histogram.Buckets.Length == 0)
        {
            count = histogram.Native?.Count ?? 0;
            Sample(column.Name, "_bucket", "+Inf", count, default);
        }

        Sample(column.Name, "_sum", null, histogram.Sum, default);
        Sample(column.Name, "_count", null, count, default);
    }

    private void Sample(string name, string suffix, string? bound, double value, Exemplar exemplar)
    {
        Text(name);
        Text(suffix);
        if (_labels.WrittenCount > 0 || bound is not null)
        {
            output.Write("{"u8);
            output.Write(_labels.WrittenSpan);
            if (bound is not null) Text($"{(_labels.WrittenCount > 0 ? "," : "")}le=\"{bound}\"");
            output.Write("}"u8);
        }

        output.Write(" "u8);
        Number(value);
        if (isOpenMetrics && exemplar.UnixMs > 0) Exemplar(exemplar);
        output.Write("\n"u8);
    }

    private void Exemplar(in Exemplar exemplar)
    {
        Span<byte> id = stackalloc byte[32];
        output.Write(" # {"u8);
        output.Write(_traceIdLabel);
        output.Write("=\""u8);
        output.Write(id[..TraceIdText.Write(exemplar.TraceId, id)]);
        output.Write("\"} "u8);
        Number(exemplar.Value);
        output.Write(" "u8);
        Number(exemplar.UnixMs / 1000.0);
    }

    private void Number(double value)
    {
        const int maxBytes = 32;
        value.TryFormat(output.GetSpan(maxBytes), out var written, "R", CultureInfo.InvariantCulture);
        output.Advance(written);
    }

    private void Escape(ReadOnlySpan<byte> value)
    {
        while (value.IndexOfAny((byte)'\\', (byte)'"', (byte)'\n') is var at && at >= 0)
        {
            _labels.Write(value[..at]);
            _labels.Write(value[at] switch { (byte)'\\' => "\\\\"u8, (byte)'"' => "\\\""u8, _ => "\\n"u8 });
            value = value[(at + 1)..];
        }

        _labels.Write(value);
    }

    private void Text(string text) => Encoding.UTF8.GetBytes(text, output);
}
