using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node;

/// <summary>
/// How a query comes to what it reads:
/// <code>
/// 1  what other nodes have is collected, without a place: that takes time and no processor
/// 2  the query waits for its place
/// 3  it runs over one view, which stays as it is until somebody lets go of it
/// 4  if a block vanished meanwhile (another node compacted it), the store is listed, and all of it begins anew
/// </code>
/// </summary>
internal sealed class QueryRunner(QueryGate gate, NodeState state, ICollectsSources others)
{
    /// <summary>
    /// How often a query begins: a listing that shows what became of a block may take two polls (<see cref="NodeView.Former"/>). The last
    /// time its answer is partial.
    /// </summary>
    public const int MaxBeginnings = 3;

    /// <summary>Runs a query that is done with its sources when it has its result.</summary>
    public Task<T> RunAsync<T>(TenantSet tenants, Func<TraceSources, IWorkerSlots, Task<T>> run, CancellationToken cancellation) =>
        RunAsync(tenants, trace: null, run, static (result, lease) =>
        {
            lease.Dispose();
            return result;
        }, cancellation);

    /// <summary>The same of one trace, or of all if it is null; <paramref name="finish"/> becomes the owner of the view.</summary>
    public async Task<TResult> RunAsync<T, TResult>(
        TenantSet tenants, TraceId? trace, Func<TraceSources, IWorkerSlots, Task<T>> run, Func<T, ViewLease, TResult> finish,
        CancellationToken cancellation)
    {
        for (var beginning = 1; ; beginning++)
        {
            var peers = await others.CollectAsync(tenants, trace, cancellation).ConfigureAwait(false);
            using (var place = await EnterAsync(tenants, peers, cancellation).ConfigureAwait(false))
            {
                using var span = ProcessSpans.Start("run the query");
                var lease = state.Acquire(peers);
                try
                {
                    var sources = lease.View.SourcesOf(tenants, peers) with { EndsIfBlockVanishes = beginning < MaxBeginnings };
                    span?.SetTag("tempo.blocks", sources.Blocks.Count).SetTag("tempo.live_batches", sources.Live.Count);
                    return finish(await run(sources, place).ConfigureAwait(false), lease);
                }
                catch (VanishedBlockException)
                {
                    span?.SetTag("tempo.began_anew", true);
                    lease.Dispose();
                }
                catch (Exception e)
                {
                    span.Fail(e);
                    lease.Dispose();
                    throw;
                }
            }

            await others.ListAsync(tenants, cancellation).ConfigureAwait(false);
        }
    }

    // Who gets no place reads nothing.
    private async ValueTask<QueryGate.Place> EnterAsync(TenantSet tenants, AddedSources peers, CancellationToken cancellation)
    {
        using var span = ProcessSpans.Start("wait for a place");
        try
        {
            return await gate.EnterAsync(tenants.ToString(), cancellation).ConfigureAwait(false);
        }
        catch
        {
            peers.Dispose();
            throw;
        }
    }
}

/// <summary>What a query reads beside this node's own view.</summary>
internal interface ICollectsSources
{
    /// <summary>What other nodes have and the store has not.</summary>
    ValueTask<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation);

    /// <summary>Brings the view in step with the store, as far as that answers: a block of one of the tenants was not there.</summary>
    Task ListAsync(TenantSet tenants, CancellationToken cancellation);
}
