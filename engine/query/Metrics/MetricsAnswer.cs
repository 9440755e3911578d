using SeriesList = System.Collections.Generic.List<Tempo.Engine.Query.Metrics.Series.Series>;

namespace Tempo.Engine.Query.Metrics;

/// <summary>What a metrics query has counted, before it takes the form in which it was asked for.</summary>
internal sealed record MetricsAnswer(SeriesList Series, TimeAxis? Axis, SearchMetrics Metrics, string Message, string? Explanation)
{
    /// <summary>Of a range of which no whole step is left.</summary>
    public static MetricsAnswer Nothing => new([], null, new SearchMetrics { CompletedJobs = 1 }, "", null);

    public QueryRangeResult OfRange()
    {
        var result = new QueryRangeResult { Metrics = Metrics, Message = Message, Explanation = Explanation };
        foreach (var one in Series) result.Series.Add(OverTime(one, Axis!));
        return result;
    }

    public QueryInstantResult OfInstant()
    {
        var result = new QueryInstantResult { Metrics = Metrics, Message = Message, Explanation = Explanation };
        foreach (var one in Series)
            if (!double.IsNaN(one.Values[0]))
                result.Series.Add(new InstantSeriesResult(one.Labels, one.Values[0]));
        return result;
    }

    // An exemplar whose sample was taken away goes with it.
    private static TimeSeriesResult OverTime(Series.Series series, TimeAxis axis)
    {
        var result = new TimeSeriesResult { Labels = series.Labels };
        for (var i = 0; i < axis.Count; i++)
            if (!double.IsNaN(series.Values[i]))
                result.Samples.Add(new SampleResult(axis.EndMs(i), series.Values[i]));
        foreach (var (span, interval, value) in series.Exemplars.OrderBy(static e => e.Span.StartUnixNano).ThenBy(static e => e.Span.Trace))
        {
            if (double.IsNaN(series.Values[interval])) continue;
            result.Exemplars.Add(
                new ExemplarResult(
                    span.Labels, double.IsNaN(value) ? series.Values[interval] : value, (long)(span.StartUnixNano / 1_000_000)));
        }

        return result;
    }
}
