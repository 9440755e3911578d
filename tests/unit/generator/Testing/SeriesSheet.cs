using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;

namespace Tempo.Generator.Tests.Testing;

/// <summary>What a collection shows, by Prometheus' text of a series: <c>name{a="x",b="y"}</c>, labels sorted.</summary>
internal sealed class SeriesSheet : ISeriesVisitor
{
    private readonly List<string> _labels = [];

    public SortedDictionary<string, double> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>Entities of histograms: their native form.</summary>
    public Dictionary<string, NativeHistogram> Natives { get; } = [];

    public List<string> Begun { get; } = [];

    public List<string> Ended { get; } = [];

    public List<(string Series, Exemplar Exemplar)> Exemplars { get; } = [];

    public static SeriesSheet Of(TenantGenerator generator, long nowUnixMs = SpanRequest.NowUnixMs, bool endAll = false)
    {
        var sheet = new SeriesSheet();
        generator.Collect(nowUnixMs, endAll, sheet, static () => { });
        return sheet;
    }

    /// <summary>All values of a metric together.</summary>
    public double Sum(string metric) =>
        Values.Where(series => series.Key == metric || series.Key.StartsWith(metric + "{", StringComparison.Ordinal))
            .Sum(static series => series.Value);

    public IEnumerable<string> Series(string metric) =>
        Values.Keys.Where(series => series == metric || series.StartsWith(metric + "{", StringComparison.Ordinal));

    public void Begin(in EntityLabels labels)
    {
        _labels.Clear();
        foreach (var label in labels) _labels.Add($"{Encoding.UTF8.GetString(label.Name)}=\"{Encoding.UTF8.GetString(label.Value)}\"");
    }

    public void Number(MetricColumn column, double value, SeriesMoment moment) => Set(column.Name, value, moment);

    public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
    {
        double count = 0;
        for (var i = 0; i < histogram.Buckets.Length; i++)
        {
            count += histogram.Buckets[i];
            var bound = i < column.Bounds.Length ? column.Bounds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
            var series = Set(column.Name + "_bucket", count, moment, $"le=\"{bound}\"");
            if (histogram.Exemplars.Length > 0 && histogram.Exemplars[i].UnixMs > 0) Exemplars.Add((series, histogram.Exemplars[i]));
        }

        Set(column.Name + "_sum", histogram.Sum, moment);
        if (histogram.Buckets.Length > 0) Set(column.Name + "_count", count, moment);
        if (histogram.Native is { } native) Natives[Text(column.Name, [])] = native;
    }

    private string Set(string name, double value, SeriesMoment moment, params string[] more)
    {
        var series = Text(name, more);
        if (!Values.TryAdd(series, value)) throw new InvalidOperationException($"shown twice: {series}");
        if (moment == SeriesMoment.Begins) Begun.Add(series);
        if (moment == SeriesMoment.Ends) Ended.Add(series);
        return series;
    }

    private string Text(string name, string[] more)
    {
        string[] labels = [.. _labels.Concat(more).Order(StringComparer.Ordinal)];
        return labels.Length == 0 ? name : $"{name}{{{string.Join(',', labels)}}}";
    }
}

/// <summary>Generators with the settings that a test wants.</summary>
internal static class Generators
{
    public static TenantGenerator New(
        string processors, Func<GeneratorSettings, GeneratorSettings>? change = null, int duplicateFilterBytes = 1 << 20)
    {
        Assert.True(ProcessorSet.TryParse(processors.Split(' '), out var set, out var error), error);
        var settings = new GeneratorSettings { Processors = set };
        return new TenantGenerator(TenantId.Single, change?.Invoke(settings) ?? settings, duplicateFilterBytes);
    }

    public static TenantGenerator Add(this TenantGenerator generator, params IEnumerable<TestSpan> spans)
    {
        generator.Add(SpanRequest.Of(spans), SpanRequest.NowUnixMs);
        return generator;
    }
}
