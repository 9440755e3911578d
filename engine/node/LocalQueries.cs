using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Slices;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node;

/// <summary>
/// Runs searches and metrics queries on this node: over all traces that it knows of, or over a slice of them for another node.
/// </summary>
internal sealed class LocalQueries(QueryRunner runner, NodeOptions options, TimeProvider time)
{
    private static readonly TraceSources Nothing = new([], []);

    /// <summary>Throws <see cref="QueryException"/>; unfinished once so many bytes are read (0: any number).</summary>
    public Task<SearchResult> SearchAsync(TenantSet tenants, SearchRequest request, long aloneBytes, CancellationToken cancellation) =>
        SearchAsync(tenants, request, static sources => sources, aloneBytes, cancellation);

    private Task<SearchResult> SearchAsync(
        TenantSet tenants, SearchRequest request, Func<TraceSources, TraceSources> of, long aloneBytes, CancellationToken cancellation)
    {
        var search = options.Search with { MaxWorkers = options.MaxRunningQueries, Time = time, AloneBytes = aloneBytes };
        return runner.RunAsync(
            tenants, (sources, slots) => TraceSearch.RunAsync(request, of(sources), search with { Workers = slots }, cancellation),
            cancellation);
    }

    /// <summary>Throws <see cref="QueryException"/>.</summary>
    public Task<TResult> QueryMetricsAsync<TResult>(TenantSet tenants, MetricsRequest<TResult> request, CancellationToken cancellation) =>
        runner.RunAsync(tenants, (sources, slots) => OnAllThreads(slots,
            threads => MetricsQuery.RunAsync(request, sources, LimitsOf(tenants), time.GetUtcNow(), threads, cancellation)), cancellation);

    /// <summary>What the slices have counted, as an answer.</summary>
    public Task<TResult> JoinAsync<TResult>(
        TenantSet tenants, MetricsRequest<TResult> request, DateTimeOffset now, IReadOnlyList<NativeBuffer> slices,
        CancellationToken cancellation) =>
            MetricsQuery.RunAsync(request, Nothing, LimitsOf(tenants), now, 1, cancellation, slices);

    /// <summary>Answers a query of a slice, in this memory. Does not throw <see cref="QueryException"/>: that is an answer.</summary>
    public async Task<SliceAnswer> AnswerAsync(SliceQuestion question, AnswerMemory memory, CancellationToken cancellation)
    {
        var content = new NativeBuffer { Account = memory };
        try
        {
            return new SliceAnswer(content, null, await AnswerAsync(question, content, cancellation).ConfigureAwait(false));
        }
        catch (QueryException e)
        {
            content.Dispose();
            return new SliceAnswer(null, e, "");
        }
        catch (MemoryAccountFullException)
        {
            content.Dispose();
            return new SliceAnswer(null, memory.Refusal(), "");
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    // What could not be read.
    private async Task<string> AnswerAsync(SliceQuestion question, NativeBuffer content, CancellationToken cancellation)
    {
        var tenants = question.Tenants;
        if (question.Request is SearchRequest search)
        {
            var result = await SearchAsync(tenants, search, Slice, 0, cancellation).ConfigureAwait(false);
            SearchMessages.Write(content, result);
            return result.Message;
        }

        return await runner.RunAsync(tenants, (sources, slots) => OnAllThreads(slots, threads =>
        {
            content.Clear(); // it may begin anew
            return MetricsQuery.CountAsync(
                (MetricsRequest)question.Request, Slice(sources), LimitsOf(tenants), question.Now, threads, content, cancellation);
        }), cancellation).ConfigureAwait(false);

        TraceSources Slice(TraceSources sources) =>
            sources with
            {
                Slice = question.Slice,
                Hidden = question.Hidden.Count == 0 ? sources.Hidden : sources.Hidden.Concat(question.Hidden).ToHashSet()
            };
    }

    // On those that are free when it begins.
    private async Task<T> OnAllThreads<T>(IWorkerSlots slots, Func<QueryThreads, Task<T>> run)
    {
        var borrowed = slots.Take(options.MaxRunningQueries - 1);
        try
        {
            return await run(new QueryThreads(1 + borrowed, slots)).ConfigureAwait(false);
        }
        finally
        {
            slots.Return(borrowed);
        }
    }

    private MetricsLimits LimitsOf(TenantSet tenants) =>
        options.Metrics with { MaxDuration = options.Overrides.MaxMetricsDuration(tenants, options.Metrics.MaxDuration) };
}
