using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Keeps the view in step with the object service, in which others write, compact and delete too. Runs as the first part of a
/// compaction round, and in a ring also when a query has to know what a node left behind that came or went. A poll is one listing; beyond it only what is
/// new is read: metas of new blocks, deleted traces whose object has changed.
/// </summary>
internal sealed class Blocklist(NodeOptions options, NodeState state, BlockStore remote, DeletedTracesStore deletions, MetricRegistry registry, Log messages, TimeProvider time) : IDisposable
{
    /// <summary>Further listings of one poll; each is needed only if compaction went on while the one before it ran.</summary>
    private const int MaxListings = 4;

    private readonly Counter _failed = registry.Counter("tempodb_blocklist_poll_errors_total", "Polls of the block list that failed.").With();
    private readonly CounterFamily _indexErrors = registry.Counter("tempodb_blocklist_tenant_index_read_errors_total", "Tenant indexes that were missing, too old or damaged when they were asked for.", "tenant");
    private readonly Dictionary<TenantId, ObjectInfo> _deletedSeen = [];
    private IReadOnlyList<UnreadableBlock> _unreadable = [];

    // What was over in the last listing, and since when: what became of it is in that one or in this one, or will be when listings show it.
    private Dictionary<BlockId, long> _over = [];
    private readonly Dictionary<BlockId, long> _missingSince = [];
    private readonly SemaphoreSlim _one = new(1, 1);

    // When the last listing that succeeded began; its own lock.
    private long? _last;

    /// <summary>Why the last poll failed; empty if it did not.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>
    /// Polls if it is time to. A failure is counted and told, and the list stays as it is; where there is none yet, everybody's
    /// answers are partial until there is.
    /// </summary>
    /// <returns>True if the view is as the service is now.</returns>
    public async Task<bool> PollAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_last is { } last && time.GetElapsedTime(last) < options.Remote!.BlocklistPoll) return false;
            return await TryPollAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// Sees to it that the list is of a time after <paramref name="notBefore"/>, and not older than nodes tell of their new blocks;
    /// false if the service does not answer.
    /// </summary>
    public async Task<bool> EnsureAsync(long notBefore, CancellationToken cancellation)
    {
        if (IsSince(notBefore)) return true;
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return IsSince(notBefore) || await TryPollAsync(cancellation).ConfigureAwait(false) && IsSince(notBefore);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The list is of a time after <paramref name="notBefore"/>, and no older than nodes tell of their new blocks. A listing is of a moment up to so long before it.</summary>
    public bool IsSince(long notBefore) => _last is { } last && time.GetElapsedTime(notBefore, last) >= options.Remote!.ListingDelay && time.GetElapsedTime(last) < RecentBlocks.Kept - TimeSpan.FromMinutes(1);

    public void Dispose() => _one.Dispose();

    private async Task<bool> TryPollAsync(CancellationToken cancellation)
    {
        try
        {
            var began = time.GetTimestamp();
            if (await PollNowAsync(cancellation).ConfigureAwait(false)) _last = began;
            LastError = "";
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            _failed.Add();
            LastError = $"the block list could not be polled: {e.Message}";
            if (_last is null) state.Update(view => view with { UnknownBlocks = e.Message });
            messages.Error("the block list could not be polled, the last one stays", ("err", e.Message));
            return false;
        }
    }

    // False if the listing cannot be one that answers are complete with.
    private async Task<bool> PollNowAsync(CancellationToken cancellation)
    {
        // A block that came to the view while the service was asked is not missing in the answer: it is too new for it.
        var before = state.View.Blocks.Where(block => block.Store == remote).ToHashSet();
        var known = state.View.Blocks.Select(static block => block.Meta.BlockId).ToHashSet();
        var (listing, isComplete) = await ListAsync(known, cancellation).ConfigureAwait(false);
        Report(listing);
        var (deleted, unknown) = await ReadDeletedAsync(listing, cancellation).ConfigureAwait(false);
        // Of a listing that lacks what blocks became only what is new is believed.
        var late = isComplete ? Late(before, listing) : [.. before.Select(static block => block.Meta.BlockId)];
        var unreadableBefore = _unreadable;
        state.Update(view =>
        {
            var kept = view.Blocks.Where(block => !before.Contains(block) || listing.Existing.Contains((block.Meta.Tenant, block.Meta.BlockId)) || late.Contains(block.Meta.BlockId)).ToList();
            var ids = kept.Select(static block => block.Meta.BlockId).ToHashSet();
            return view with
            {
                // What became of these may not have been listed yet. Of what this node took out itself it has the successor.
                Former = [.. view.Blocks.Where(block => !ids.Contains(block.Meta.BlockId))],
                // What compaction took out meanwhile was still listed.
                UnknownBlocks = "",
                Blocks = [.. kept, .. listing.Blocks.Where(meta => !ids.Contains(meta.BlockId) && !state.WasTakenOut(meta.BlockId)).Select(meta => new BlockHandle(meta, remote))],
                Unreadable = [.. view.Unreadable.Except(unreadableBefore), .. listing.Unreadable],
                Quarantined = view.Quarantined.Union(listing.Quarantined),
                Deleted = deleted.Aggregate(view.Deleted, (all, tenant) => Known(all, tenant.Key, tenant.Value)),
                UnknownDeletions = unknown.ToImmutableDictionary(),
            };
        });
        _unreadable = listing.Unreadable;
        return isComplete;
    }

    // Those that are not listed, and would have to be so only from some time on.
    private HashSet<BlockId> Late(HashSet<BlockHandle> before, BlockListing listing)
    {
        var missing = before.Where(block => !listing.Existing.Contains((block.Meta.Tenant, block.Meta.BlockId)) && !listing.Over.Contains(block.Meta.BlockId)).Select(static block => block.Meta.BlockId).ToHashSet();
        foreach (var found in _missingSince.Keys.Where(block => !missing.Contains(block)).ToList()) _missingSince.Remove(found);
        foreach (var block in missing) _missingSince.TryAdd(block, time.GetTimestamp());
        return [.. missing.Where(block => time.GetElapsedTime(_missingSince[block]) < options.Remote!.ListingDelay)];
    }

    // Again if blocks were over of which neither they nor what they became need be in the view.
    private async Task<(BlockListing Listing, bool IsComplete)> ListAsync(HashSet<BlockId> known, CancellationToken cancellation)
    {
        for (var again = 0; ; again++)
        {
            var listing = await remote.ListAsync(options.TenantIndex, time.GetUtcNow(), known.Contains, cancellation).ConfigureAwait(false);
            var now = time.GetTimestamp();
            var delay = options.Remote!.ListingDelay;
            var accounted = _over.Where(entry => time.GetElapsedTime(entry.Value, now) >= delay).Select(static entry => entry.Key).Union(known).Concat(state.View.Former.Select(static block => block.Meta.BlockId));
            var isComplete = listing.Over.IsSubsetOf(accounted);
            _over = listing.Over.ToDictionary(static block => block, block => _over.GetValueOrDefault(block, now));
            // Repeating helps where the store lists what is there.
            if (isComplete || again == MaxListings || delay > TimeSpan.Zero) return (listing, isComplete || delay == TimeSpan.Zero);
        }
    }

    private void Report(BlockListing listing)
    {
        foreach (var warning in listing.Warnings) messages.Warn("tenant index not used", ("err", warning));
        foreach (var tenant in listing.FailedTenants)
        {
            _indexErrors.With(tenant.Value).Add();
            messages.Error("new blocks of the tenant are not known: there is no index that may be used, and storage.trace.blocklist_poll_fallback is off", ("tenant", tenant.Value));
        }

        foreach (var block in listing.Unreadable.Except(_unreadable))
            messages.Error("block left out, answers of its tenant are partial", ("tenant", block.Tenant.Value), ("block", block.Block.ToString()), ("err", block.Error));
    }

    // What is stored, and what this node deleted while it was read. What is older and not stored any more has left the blocks.
    private ImmutableDictionary<TenantId, DeletedTraces> Known(ImmutableDictionary<TenantId, DeletedTraces> all, TenantId tenant, DeletedTraces stored)
    {
        var known = all.GetValueOrDefault(tenant, DeletedTraces.None).After(time.GetUtcNow() - TraceDeletion.ShortestKept).With(stored) ?? stored;
        return known.Count == 0 ? all.Remove(tenant) : all.SetItem(tenant, known);
    }

    private async Task<(Dictionary<TenantId, DeletedTraces> Changed, Dictionary<TenantId, string> Unknown)> ReadDeletedAsync(BlockListing listing, CancellationToken cancellation)
    {
        var changed = new Dictionary<TenantId, DeletedTraces>();
        var unknown = new Dictionary<TenantId, string>();
        foreach (var (tenant, info) in listing.DeletedTraces)
        {
            if (_deletedSeen.TryGetValue(tenant, out var seen) && seen == info) continue;
            var (deleted, error) = await deletions.TryLoadAsync(tenant, cancellation).ConfigureAwait(false);
            if (deleted is null)
            {
                unknown[tenant] = error;
                messages.Error("the tenant's list of deleted traces could not be read, its answers are partial", ("tenant", tenant.Value), ("err", error));
                continue;
            }

            changed[tenant] = deleted;
            _deletedSeen[tenant] = info;
        }

        return (changed, unknown);
    }
}
