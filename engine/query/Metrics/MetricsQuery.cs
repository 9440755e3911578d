using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Query.Sources;
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

    /// <summary>Throws <see cref="QueryException"/> for a query that is wrong, too long or needs too much.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="sources">Where the spans are.</param>
    /// <param name="limits">See there.</param>
    /// <param name="now">The present, from which <see cref="MetricsLimits.QueryEndCutoff"/> counts.</param>
    /// <param name="threads">Threads that may compute, the caller's included.</param>
    /// <param name="cancellation">Ends the query within one page of columns.</param>
    /// <param name="others">
    /// What others have counted of other traces, as <see cref="CountAsync"/> writes it; null: nobody has. It is added
    /// (<see cref="MetricsPartException"/> if it cannot be): a trace that is in two of them, or in one and in the sources, counts twice.
    /// What is looked at adds up, but for blocks, which are the same for all; of what could not be read the first message counts.
    /// <see cref="MetricsRequest.Watcher"/> is given nothing then: nothing is final before the end.
    /// </param>
    public static async Task<TResult> RunAsync<TResult>(
        MetricsRequest<TResult> request, TraceSources sources, MetricsLimits limits, DateTimeOffset now, QueryThreads threads,
        CancellationToken cancellation, IReadOnlyList<NativeBuffer>? others = null)
    {
        if (request.PlanOf(limits, now) is not { } plan) return request.ResultOf(MetricsAnswer.Nothing);
        using var budget = plan.Options.Budget;
        return request.ResultOf(await AnswerAsync(plan, request, sources, threads, others, cancellation).ConfigureAwait(false));
    }

    private static async Task<MetricsAnswer> AnswerAsync(
        MetricsPlan plan, MetricsRequest request, TraceSources sources, QueryThreads threads, IReadOnlyList<NativeBuffer>? others,
        CancellationToken cancellation)
    {
        var counts = plan.Options.IsExplained ? new ScanCounts() : null;
        var scan = new MetricsScan(plan, sources, threads, request.Progress, counts, others is null ? request.Watcher : null);
        MetricsSum sum;
        List<SeriesList> ofLeaves;
        using (scan)
        {
            sum = await scan.RunAsync(cancellation).ConfigureAwait(false);
            foreach (var part in others ?? [])
            {
                cancellation.ThrowIfCancellationRequested();
                MetricsPart.Add(part.Written, plan, request.Query, sum);
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

        return new MetricsAnswer(
            series, plan.Options.Axis, sum.Metrics, message, counts is null ? null : Explain(scan, counts, plan.Options, threads));
    }

    private static string Explain(MetricsScan scan, ScanCounts counts, MetricsOptions options, QueryThreads threads)
    {
        var text = new StringBuilder();
        foreach (var part in scan.Describe()) text.AppendLine(part);
        text.AppendLine(CultureInfo.InvariantCulture, $"kernel {options.Kernel}, up to {Math.Max(1, threads.Count)} threads");
        text.AppendLine(CultureInfo.InvariantCulture, $"jobs: {scan.Metrics.TotalJobs} (live data and row groups)");
        counts.WriteSkipped(text);
        counts.WritePages(text, "spans to count");
        text.Append(CultureInfo.InvariantCulture,
            $"spans scanned: {scan.Metrics.InspectedSpans}; whole traces looked at: {scan.WholeTraceCount}; block bytes read: {scan.Metrics.InspectedBytes}");
        return text.ToString();
    }
}
