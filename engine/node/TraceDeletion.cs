using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Deletes traces by their ids:
/// <code>
/// 1 note    the ids go to an object in the tenant's folder, then to the view: from here on nobody is shown them
/// 2 apply   blocks that hold one are written again without it, and every merge leaves them out
/// 3 forget  an id that no block holds any more, once it is so old that what was live then has been cut
/// </code>
/// Until 3 spans of these traces that still come in are hidden and deleted, too.
/// </summary>
internal sealed class TraceDeletion(NodeOptions options, DeletedTracesStore store, NodeState state, TimeProvider time) : IDisposable
{
    /// <summary>No id is forgotten earlier.</summary>
    public static readonly TimeSpan ShortestKept = TimeSpan.FromHours(1);
    private readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>
    /// Returns when the deletion is durable and in force. Throws <see cref="ArgumentOutOfRangeException"/> if too many traces of
    /// the tenant wait to leave its blocks.
    /// </summary>
    public async Task DeleteAsync(TenantId tenant, IReadOnlyCollection<TraceId> ids, CancellationToken cancellation)
    {
        if (ids.Count == 0) return;
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // To what is stored, not to what this node knows: others delete and forget, too.
            Failpoints.Hit(Failpoint.DeletionNext);
            var more =
                await store.ChangeAsync(tenant, stored => stored.With(ids, time.GetUtcNow()) ?? throw new ArgumentOutOfRangeException(
                    nameof(ids), ids.Count, $"more than {DeletedTraces.MaxCount} deleted traces of tenant {tenant} would wait to leave its blocks"), cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.DeletionNoted);
            Set(tenant, deleted => deleted.With(more) ?? more);
            Failpoints.Hit(Failpoint.DeletionInForce);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>No block of the tenant holds one of <paramref name="applied"/>: forgets those that are old enough.</summary>
    public async Task ForgetAsync(TenantId tenant, DeletedTraces applied, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!ReferenceEquals(state.View.DeletedOf(tenant), applied) || state.View.Waiting.Length > 0) return;
            var kept = options.MaxBlockDuration * 2 > ShortestKept ? options.MaxBlockDuration * 2 : ShortestKept;
            var young = applied.After(time.GetUtcNow() - kept);
            if (young.Count == applied.Count) return;
            var over = applied.Without(young);
            var left = await store.ChangeAsync(tenant, stored => stored.Without(over), cancellation).ConfigureAwait(false);
            // From what the view has by now: another node's deletion may have come into it meanwhile.
            Set(tenant, deleted => deleted.Without(over).With(left) ?? left);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private void Set(TenantId tenant, Func<DeletedTraces, DeletedTraces> change) =>
        state.Update(view =>
        {
            var deleted = change(view.DeletedOf(tenant));
            return view with { Deleted = deleted.Count == 0 ? view.Deleted.Remove(tenant) : view.Deleted.SetItem(tenant, deleted) };
        });
}
