using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.TraceQL.Ast;
using SeriesList = System.Collections.Generic.List<Tempo.Engine.Query.Metrics.Series.Series>;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// What a metrics query has counted while it goes on. Called between two rounds of the scan, when no thread counts: what all have
/// counted is added up apart, and the plan's second stages run over the sums as they will at the end.
/// </summary>
internal sealed class MetricsIncrements
{
    /// <summary>
    /// Samples of an answer beyond which it comes whole: adding them up, twice a second, would hold up the scan (262,144 samples are
    /// some 20 ms).
    /// </summary>
    private const int MaxSamples = 1 << 18;

    /// <summary>What the sums may take.</summary>
    private const long MaxBytes = 64L << 20;

    private readonly MetricsPlan _plan;
    private readonly IPartialSeries _watcher;
    private readonly HashSet<TraceId> _lookedAt = [];
    private bool _isTooLarge;

    private MetricsIncrements(MetricsPlan plan, IPartialSeries watcher) => (_plan, _watcher) = (plan, watcher);

    public bool IsWanted => !_isTooLarge && _watcher.IsWanted;

    private TimeAxis Axis => _plan.Options.Axis;

    /// <summary>Null: nobody watches, or there is nothing to be seen before the end.</summary>
    public static MetricsIncrements? For(MetricsPlan plan, IPartialSeries? watcher)
    {
        if (watcher is null) return null;

        // A trace is looked at whole once, for all parts: which of them want that must not come to light in a later round.
        if (plan.Leaves.Exists(static leaf => leaf.NeedsTraces) && plan.Leaves.Count(static leaf => leaf.IsByTrace || leaf.NeedsTraces) > 1)
            return null;

        // Which values compare() lists, and which series topk() keeps where some are zero, follows from all series of the range.
        var isRange = plan.Options.Axis.Count > 1;
        var isOfAllSeries = plan.HasTopBottom || plan.Leaves.Exists(static leaf => leaf.Stage is MetricsCompare);
        return isRange && isOfAllSeries ? null : new MetricsIncrements(plan, watcher);
    }

    /// <summary>Those of the traces that no earlier round has looked at.</summary>
    public TraceId[] NotLookedAtYet(TraceId[] traces) => [.. traces.Where(_lookedAt.Add)];

    /// <param name="counted">For each part, what the threads have counted.</param>
    /// <param name="firstCertainNano">Spans that start at this time or later have all been seen.</param>
    /// <param name="cancellation">Of the query.</param>
    public void Give(IReadOnlyList<IEnumerable<SpanAccumulator>> counted, long firstCertainNano, CancellationToken cancellation)
    {
        var first = Axis.Count > 1 ? FirstCertainInterval(firstCertainNano) : 0;
        if (first >= Axis.Count) return;
        try
        {
            var series = _plan.Evaluate(Sums(counted, cancellation), cancellation);
            _isTooLarge = (long)series.Count * Axis.Count > MaxSamples;
            if (!_isTooLarge) _watcher.Give(Results(series, first));
        }
        catch (QueryException e) when (e.Kind is QueryErrorKind.TooLarge or QueryErrorKind.Busy)
        {
            _isTooLarge = true;
        }
    }

    private List<SeriesList> Sums(IReadOnlyList<IEnumerable<SpanAccumulator>> counted, CancellationToken cancellation)
    {
        using var budget = new MemoryBudget(MaxBytes, _plan.Options.Budget.Memory);
        var options = _plan.Options with { MaxExemplars = 0, Budget = budget };
        var sums = new List<SeriesList>();
        for (var leaf = 0; leaf < counted.Count; leaf++)
        {
            var sum = LeafWorker.NewAccumulator(_plan.Leaves[leaf], options);
            foreach (var part in counted[leaf])
            {
                cancellation.ThrowIfCancellationRequested();
                sum.AddAll(part);
            }

            sums.Add(_plan.Leaves[leaf].SeriesOf(sum));
        }

        return sums;
    }

    private List<TimeSeriesResult> Results(SeriesList series, int first)
    {
        series.Sort(static (a, b) => LabelOrder.Compare(a.Labels, b.Labels));
        var results = new List<TimeSeriesResult>(series.Count);
        foreach (var one in series)
        {
            var result = new TimeSeriesResult { Labels = one.Labels };
            for (var i = first; i < Axis.Count; i++)
                if (!double.IsNaN(one.Values[i]))
                    result.Samples.Add(new SampleResult(Axis.EndMs(i), one.Values[i]));
            if (result.Samples.Count > 0) results.Add(result);
        }

        return results;
    }

    // Interval i begins behind first + (i - 1) * step.
    private int FirstCertainInterval(long nano)
    {
        if (nano <= Axis.LowerUnixNano) return 0;
        if (nano > Axis.UpperUnixNano) return Axis.Count;
        return (int)((nano - Axis.LowerUnixNano + Axis.StepNano - 1) / Axis.StepNano);
    }
}
