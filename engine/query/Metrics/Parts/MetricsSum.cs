namespace Tempo.Engine.Query.Metrics.Parts;

/// <summary>
/// What a metrics query has counted here, and then also what comes from elsewhere (<see cref="MetricsPart.Add"/>). Not thread safe.
/// </summary>
/// <param name="counted">For each pipeline of the query.</param>
/// <param name="metrics">What was looked at.</param>
internal sealed class MetricsSum(IReadOnlyList<SpanAccumulator> counted, SearchMetrics metrics)
{
    public IReadOnlyList<SpanAccumulator> Counted => counted;

    public SearchMetrics Metrics => metrics;

    /// <summary>There was nothing to be looked at: an answer without series, be it of a query that says 0 where no span is.</summary>
    public bool IsOfNothing { get; set; }

    /// <summary>What could not be read, the first that was said; empty if nothing.</summary>
    public string Damage { get; set; } = "";

    /// <summary>The series of each pipeline. Once, at the end.</summary>
    public List<List<Series.Series>> ToSeries(MetricsPlan plan) =>
        [.. plan.Leaves.Select((leaf, number) => IsOfNothing ? [] : leaf.SeriesOf(counted[number]))];
}
