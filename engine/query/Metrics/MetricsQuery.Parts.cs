using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

// One query on several nodes: each counts a part of the traces, one of them adds up.
public static partial class MetricsQuery
{
    /// <summary>
    /// Whether the query may be divided by traces: each node counts some, all of whose copies it has, and what they counted is added up.
    /// Not if it wants to be explained, which is about one node's work; and false for a query that is wrong, which says so when it is run.
    /// </summary>
    public static bool CanDivide(string query) =>
        TraceQlParser.TryParse(query, out var parsed, out _) && parsed.Metrics is not null
            && parsed.HintValue("explain") is not { Type: TraceQlType.Bool, AsBool: true };

    /// <summary>
    /// Counts as <see cref="RunAsync"/> does and, instead of making series, writes what it has counted behind what
    /// <paramref name="output"/> has: to be added to what the same query counts elsewhere. Limits of the answer (its series and samples)
    /// are left to who adds. The bytes are in the query's budget (<see cref="MetricsLimits.MaxBytes"/>) while it runs, then they are the
    /// caller's. Throws <see cref="QueryException"/>; what was written then is of no use.
    /// </summary>
    /// <param name="request">What is asked. Both must be given the same query, times, step and exemplars.</param>
    /// <param name="sources">Where the spans are.</param>
    /// <param name="limits">See there.</param>
    /// <param name="now">The present, which must be that of who adds: the intervals depend on it.</param>
    /// <param name="threads">Threads that may compute, the caller's included.</param>
    /// <param name="output">Where to write.</param>
    /// <param name="cancellation">Ends the query within one page of columns.</param>
    /// <returns>What could not be read; empty if nothing. It stands in the bytes, too.</returns>
    public static async Task<string> CountAsync(
        MetricsRequest request, TraceSources sources, MetricsLimits limits, DateTimeOffset now, QueryThreads threads, NativeBuffer output,
        CancellationToken cancellation)
    {
        var plan = request.PlanOf(limits, now);
        using var budget = plan?.Options.Budget ?? new MemoryBudget(limits.MaxBytes, limits.Memory);
        if (plan is null)
        {
            MetricsPart.WriteEmpty(output, request.Query, budget);
            return "";
        }

        using var scan = new MetricsScan(plan, sources, threads, request.Progress);
        var counted = await scan.RunAsync(cancellation).ConfigureAwait(false);
        MetricsPart.Write(output, plan, request.Query, counted);
        return counted.Damage;
    }
}
