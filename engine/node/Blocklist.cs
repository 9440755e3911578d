using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Keeps the view in step with the object service, in which others write, compact and delete too. Runs as the first part of a
/// compaction round, so that nobody takes blocks out of the view at the same time.
/// </summary>
internal sealed class Blocklist(RemoteStorage options, NodeState state, BlockStore remote, DeletedTracesStore deletions, MetricRegistry registry, Log messages, TimeProvider time)
{
    private readonly Counter _failed = registry.Counter("tempodb_blocklist_poll_errors_total", "Polls of the block list that failed.").With();
    private long? _last;

    /// <summary>Polls if it is time to. A failure is counted and told, and the list stays as it is.</summary>
    public async Task PollAsync(CancellationToken cancellation)
    {
        if (_last is { } last && time.GetElapsedTime(last) < options.BlocklistPoll) return;
        try
        {
            await PollNowAsync(cancellation).ConfigureAwait(false);
            _last = time.GetTimestamp();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _failed.Add();
            messages.Error("the block list could not be polled, the last one stays", ("err", e.Message));
        }
    }

    private async Task PollNowAsync(CancellationToken cancellation)
    {
        // A block that came to the view while the service was asked is not missing in the answer: it is too new for it.
        var before = state.View.Blocks.Where(block => block.Store == remote).ToHashSet();
        var deleted = await deletions.LoadAsync(cancellation).ConfigureAwait(false);
        var listed = await remote.ListIdsAsync(cancellation).ConfigureAwait(false);
        var known = state.View.Blocks.Select(static block => block.Meta.BlockId).ToHashSet();
        var found = new List<BlockHandle>();
        foreach (var (tenant, id) in listed)
            if (!known.Contains(id) && await remote.TryReadMetaAsync(tenant, id, damage => messages.Warn("block left out", ("err", damage)), cancellation).ConfigureAwait(false) is { } meta)
                found.Add(new BlockHandle(meta, remote));
        state.Update(view =>
        {
            var kept = view.Blocks.Where(block => !before.Contains(block) || listed.Contains((block.Meta.Tenant, block.Meta.BlockId))).ToList();
            var ids = kept.Select(static block => block.Meta.BlockId).ToHashSet();
            return view with
            {
                Blocks = [.. kept, .. found.Where(block => !ids.Contains(block.Meta.BlockId))],
                // Of a tenant that is known here the view is newer than what was read.
                Deleted = view.Deleted.AddRange(deleted.Where(tenant => !view.Deleted.ContainsKey(tenant.Key))),
            };
        });
    }
}
