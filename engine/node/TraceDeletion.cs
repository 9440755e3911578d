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
    private static readonly TimeSpan ShortestKept = TimeSpan.FromHours(1);
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
            // Another node may have deleted some since the last poll.
            var known = state.View.DeletedOf(tenant).With(await store.LoadAsync(tenant, cancellation).ConfigureAwait(false));
            var more = known?.With(ids, time.GetUtcNow()) ?? throw new ArgumentOutOfRangeException(
                nameof(ids), ids.Count, $"more than {DeletedTraces.MaxCount} deleted traces of tenant {tenant} would wait to leave its blocks");
            Failpoints.Hit(Failpoint.DeletionNext);
            await store.SaveAsync(tenant, more, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.DeletionNoted);
            Set(tenant, more);
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
            var left = applied.After(time.GetUtcNow() - kept);
            if (left.Count == applied.Count) return;
            await store.SaveAsync(tenant, left, cancellation).ConfigureAwait(false);
            Set(tenant, left);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private void Set(TenantId tenant, DeletedTraces deleted) =>
        state.Update(view => view with { Deleted = deleted.Count == 0 ? view.Deleted.Remove(tenant) : view.Deleted.SetItem(tenant, deleted) });
}
