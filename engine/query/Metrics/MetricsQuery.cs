using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL.Ast;
using SeriesList = System.Collections.Generic.List<Tempo.Engine.Query.Metrics.Series.Series>;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// Runs TraceQL metrics queries. Exact, whatever sampling hints say, and a span that is in several places counts once.
/// </summary>
public static partial class MetricsQuery
{
    /// <summary>Bytes of a sample in a result.</summary>
    private const int SampleBytes = 16;

    /// <summary>The same of a series without its samples: its lists and a label.</summary>
    private const int SeriesBytes = 256;

    /// <summary>A range query. Throws <see cref="QueryException"/> for one that is wrong, too long or needs too much.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="sources">Where the spans are.</param>
    /// <param name="limits">See there.</param>
    /// <param name="now">The present, from which <see cref="MetricsLimits.QueryEndCutoff"/> counts.</param>
    /// <param name="threads">Threads that may compute, the caller's included.</param>
    /// <param name="cancellation">Ends the query within one page of columns.</param>
    /// <param name="others">
    /// What others have counted of other traces, as <see cref="CountRangeAsync"/> and <see cref="CountInstantAsync"/> write it; null: nobody has. It is added
    /// (<see cref="MetricsPartException"/> if it cannot be): a trace that is in two of them, or in one and in the sources, counts twice. What is looked at adds up, but for
    /// blocks, which are the same for all; of what could not be read the first message counts. <see cref="QueryRangeRequest.Watcher"/> is given nothing then: nothing is
    /// final before the end.
    /// </param>
    public static async Task<QueryRangeResult> RunRangeAsync(
        QueryRangeRequest request, TraceSources sources, MetricsLimits limits, DateTimeOffset now, QueryThreads threads, CancellationToken cancellation, IReadOnlyList<NativeBuffer>? others = null)
    {
        if (PlanOf(request, limits, now) is not { } plan) return new QueryRangeResult { Metrics = new SearchMetrics { CompletedJobs = 1 } };
        using var budget = plan.Options.Budget;
        var axis = plan.Options.Axis;
        var (series, metrics, message, explanation) = await RunAsync(plan, request.Query, sources, threads, (request.Progress, request.Watcher), others, cancellation).ConfigureAwait(false);
        var result = new QueryRangeResult { Metrics = metrics, Message = message, Explanation = explanation };
        foreach (var one in series) result.Series.Add(ToResult(one, axis));
        return result;
    }

    /// <summary>An instant query; parameters as above.</summary>
    public static async Task<QueryInstantResult> RunInstantAsync(
        QueryInstantRequest request, TraceSources sources, MetricsLimits limits, DateTimeOffset now, QueryThreads threads, CancellationToken cancellation, IReadOnlyList<NativeBuffer>? others = null)
    {
        var plan = PlanOf(request, limits, now);
        using var budget = plan.Options.Budget;
        var (series, metrics, message, explanation) = await RunAsync(plan, request.Query, sources, threads, (request.Progress, request.Watcher), others, cancellation).ConfigureAwait(false);
        var result = new QueryInstantResult { Metrics = metrics, Message = message, Explanation = explanation };
        foreach (var one in series)
            if (!double.IsNaN(one.Values[0]))
                result.Series.Add(new InstantSeriesResult(one.Labels, one.Values[0]));
        return result;
    }

    // Null: no whole step of the range is left.
    private static MetricsPlan? PlanOf(QueryRangeRequest request, MetricsLimits limits, DateTimeOffset now)
    {
        var query = MetricsPlan.Parse(request.Query, limits, isInstant: false);
        if (RangeAlignment.OfRange(request, limits, now) is not { } axis) return null;
        var exemplars = request.Exemplars == 0 ? limits.MaxExemplars : (int)Math.Min(request.Exemplars, (uint)limits.MaxExemplars);
        return MetricsPlan.Create(query, MetricsOptions.Create(query, axis, exemplars, MaxSeries(request.MaxSeries, limits), limits));
    }

    private static MetricsPlan PlanOf(QueryInstantRequest request, MetricsLimits limits, DateTimeOffset now)
    {
        var query = MetricsPlan.Parse(request.Query, limits, isInstant: true);
        var axis = RangeAlignment.OfInstant(request, limits, now);
        return MetricsPlan.Create(query, MetricsOptions.Create(query, axis, exemplars: 0, MaxSeries(request.MaxSeries, limits), limits) with { MaxExemplars = 0 });
    }

    private static async Task<(SeriesList Series, SearchMetrics Metrics, string Message, string? Explanation)> RunAsync(
        MetricsPlan plan, string query, TraceSources sources, QueryThreads threads, (QueryProgress? Progress, IPartialSeries? Watcher) told, IReadOnlyList<NativeBuffer>? others, CancellationToken cancellation)
    {
        var counts = plan.Options.IsExplained ? new ScanCounts() : null;
        var scan = new MetricsScan(plan, sources, threads, told.Progress, counts, others is null ? told.Watcher : null);
        MetricsSum sum;
        List<SeriesList> ofLeaves;
        using (scan)
        {
            sum = await scan.RunAsync(cancellation).ConfigureAwait(false);
            foreach (var part in others ?? [])
            {
                cancellation.ThrowIfCancellationRequested();
                MetricsPart.Add(part.Written, plan, query, sum);
            }

            ofLeaves = sum.ToSeries(plan);
        }

        var series = plan.Evaluate(ofLeaves, cancellation);
        series.Sort(static (a, b) => LabelOrder.Compare(a.Labels, b.Labels));
        var message = sum.Damage.Length > 0 ? sum.Damage : plan.Options.Compared.Message;
        plan.Options.CheckSamples(series.Count);
        plan.Options.Budget.Charge((long)series.Count * SeriesBytes, "series of the answer");
        if (plan.Options.MaxSeries is > 0 and var maxSeries && series.Count > maxSeries)
        {
            series.RemoveRange(maxSeries, series.Count - maxSeries);
            message = $"Response exceeds maximum series limit of {maxSeries}, a partial response is returned. "
                + "Warning: the accuracy of each individual value is not guaranteed.";
        }

        // Before the answer's samples are made; written as text each takes three times that.
        plan.Options.Budget.Charge((long)series.Count * plan.Options.Axis.Count * SampleBytes, "samples of the answer");

        return (series, sum.Metrics, message, counts is null ? null : Explain(scan, counts, plan.Options, threads));
    }

    private static string Explain(MetricsScan scan, ScanCounts counts, MetricsOptions options, QueryThreads threads)
    {
        var text = new StringBuilder();
        foreach (var part in scan.Describe()) text.AppendLine(part);
        text.AppendLine(CultureInfo.InvariantCulture, $"kernel {options.Kernel}, up to {Math.Max(1, threads.Count)} threads");
        text.AppendLine(CultureInfo.InvariantCulture, $"jobs: {scan.Metrics.TotalJobs} (live data and row groups)");
        counts.WriteSkipped(text);
        counts.WritePages(text, "spans to count");
        text.Append(CultureInfo.InvariantCulture, $"spans scanned: {scan.Metrics.InspectedSpans}; whole traces looked at: {scan.WholeTraceCount}; block bytes read: {scan.Metrics.InspectedBytes}");
        return text.ToString();
    }

    private static int MaxSeries(uint asked, MetricsLimits limits) =>
        asked == 0 || limits.MaxResponseSeries > 0 && asked > (uint)limits.MaxResponseSeries ? limits.MaxResponseSeries : (int)Math.Min(asked, int.MaxValue);

    // An exemplar whose sample was taken away goes with it.
    private static TimeSeriesResult ToResult(Series.Series series, TimeAxis axis)
    {
        var result = new TimeSeriesResult { Labels = series.Labels };
        for (var i = 0; i < axis.Count; i++)
            if (!double.IsNaN(series.Values[i]))
                result.Samples.Add(new SampleResult(axis.EndMs(i), series.Values[i]));
        foreach (var (span, interval, value) in series.Exemplars.OrderBy(static e => e.Span.StartUnixNano).ThenBy(static e => e.Span.Trace))
        {
            if (double.IsNaN(series.Values[interval])) continue;
            result.Exemplars.Add(new ExemplarResult(span.Labels, double.IsNaN(value) ? series.Values[interval] : value, (long)(span.StartUnixNano / 1_000_000)));
        }

        return result;
    }
}
