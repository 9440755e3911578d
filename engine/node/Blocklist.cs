using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Keeps the view in step with the object service, in which others write, compact and delete too. Runs as the first part of a
/// compaction round, and in a ring also when a query has to know what a node left behind that came or went. A poll is one listing; beyond
/// it only what is new is read: metas of new blocks, deleted traces whose object has changed.
/// <code>
/// block is listed, or may be too new to be         Blocks
/// it is over, or gone                              Former: still read, not compacted
/// so since ListingDelay before the listing began   nowhere: what it became is in that listing, as one of these
/// </code>
/// A listing is of no single moment, but what was written <see cref="RemoteStorage.ListingDelay"/> before it began is in it; reads of
/// single objects are of now.
/// </summary>
internal sealed class Blocklist(
    NodeOptions options, NodeState state, BlockStore remote, DeletedTracesStore deletions, MetricRegistry registry, Log messages,
    TimeProvider time) : IDisposable
{
    /// <summary>Further listings of one poll; each is needed only if compaction went on while the one before it ran.</summary>
    private const int MaxListings = 4;

    /// <summary>Where listings are late, queries ask for one no more often than this: another one shows little more.</summary>
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1);

    private const long Never = long.MinValue;

    private readonly Counter _failed =
        registry.Counter("tempodb_blocklist_poll_errors_total", "Polls of the block list that failed.").With();
    private readonly CounterFamily _indexErrors = registry.Counter("tempodb_blocklist_tenant_index_read_errors_total",
        "Tenant indexes that were missing, too old or damaged when they were asked for.", "tenant");
    private readonly Dictionary<TenantId, ObjectInfo> _deletedSeen = [];
    private IReadOnlyList<UnreadableBlock> _unreadable = [];

    // Blocks of the view that are not listed, which may be too new: the begin of the listing that missed them first.
    private Dictionary<BlockId, long> _missingSince = [];

    // Blocks that are over, or gone: the end of the listing that showed it first.
    private Dictionary<BlockId, long> _outSince = [];
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly long _start = time.GetTimestamp();

    // When the last listing that succeeded began, and the last one that was tried.
    private long _last = Never;
    private long _tried = Never;

    /// <summary>Why the last poll failed; empty if it did not.</summary>
    public string LastError { get; private set; } = "";

    private TimeSpan Delay => options.Remote!.ListingDelay;

    /// <summary>
    /// Polls if it is time to. A failure is counted and told, and the list stays as it is; where there is none yet, everybody's
    /// answers are partial until there is.
    /// </summary>
    /// <returns>True if the service was listed: blocks may have come to the view.</returns>
    public async Task<bool> PollAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // Everybody's answers are partial until a listing has all that was there at the start: that one does not wait for its turn.
            var isAwaited = state.View.UnknownBlocks.Length > 0 && time.GetElapsedTime(_start) >= Delay;
            if (_last != Never && !isAwaited && time.GetElapsedTime(_last) < options.Remote!.BlocklistPoll) return false;
            return await TryPollAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// Sees to it that the list is of a time after <paramref name="notBefore"/>, and not older than nodes tell of their new blocks;
    /// false if the service does not answer, or may be too late to list it yet. Who waited while another one asked takes its answer.
    /// </summary>
    public async Task<bool> EnsureAsync(long notBefore, CancellationToken cancellation)
    {
        if (IsSince(notBefore)) return true;
        var called = time.GetTimestamp();
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (IsSince(notBefore)) return true;
            if (_tried != Never && (_tried >= called || Delay > TimeSpan.Zero && time.GetElapsedTime(_tried) < ShortestInterval))
                return false;
            return await TryPollAsync(cancellation).ConfigureAwait(false) && IsSince(notBefore);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// The list is of a time after <paramref name="notBefore"/>, and no older than nodes tell of their new blocks. A listing is of moments
    /// up to
    /// <see cref="RemoteStorage.ListingDelay"/> before it.
    /// </summary>
    public bool IsSince(long notBefore)
    {
        var last = Volatile.Read(ref _last);
        return last != Never && time.GetElapsedTime(notBefore, last) >= Delay
            && time.GetElapsedTime(last) < RecentBlocks.Kept - Delay - TimeSpan.FromMinutes(1);
    }

    public void Dispose() => _one.Dispose();

    private async Task<bool> TryPollAsync(CancellationToken cancellation)
    {
        _tried = time.GetTimestamp();
        try
        {
            Volatile.Write(ref _last, await PollNowAsync(cancellation).ConfigureAwait(false));
            LastError = "";
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            _failed.Add();
            LastError = $"the block list could not be polled: {e.Message}";
            if (_last == Never) state.Update(view => view with { UnknownBlocks = e.Message });
            messages.Error("the block list could not be polled, the last one stays", ("err", e.Message));
            return false;
        }
    }

    // The result is when the listing began.
    private async Task<long> PollNowAsync(CancellationToken cancellation)
    {
        // A block that came to the view while the service was asked is not missing in the answer: it is too new for it.
        var view = state.View;
        var before = view.Readable.Where(block => block.Store == remote).ToHashSet();
        var round = await ListAsync(view, before, cancellation).ConfigureAwait(false);
        var listing = round.Listing;
        Report(listing);
        var (deleted, unknown) = await ReadDeletedAsync(listing, cancellation).ConfigureAwait(false);
        var unreadableBefore = _unreadable;
        state.Update(view =>
        {
            BlockHandle[] kept = [.. view.Blocks.Where(
                block => !before.Contains(block) || round.There.Contains(block.Meta.BlockId) || round.Late.Contains(block.Meta.BlockId))];
            var ids = kept.Select(static block => block.Meta.BlockId).ToHashSet();
            // What compaction took out meanwhile was still listed.
            BlockHandle[] blocks = [.. kept, .. listing.Blocks.Where(meta => !state.WasTakenOut(meta.BlockId) && ids.Add(meta.BlockId))
                .Select(meta => new BlockHandle(meta, remote))];
            // Of what this node took out itself it has the successor.
            return view with
            {
                Former =
                [
                    .. view.Readable.Where(
                        block => !(before.Contains(block) && round.Replaced.Contains(block.Meta.BlockId)) && ids.Add(block.Meta.BlockId)),
                    .. round.Over.Where(meta => !state.WasTakenOut(meta.BlockId) && ids.Add(meta.BlockId))
                        .Select(meta => new BlockHandle(meta, remote)),
                ],
                Replaced = round.Replaced,
                Unindexed = listing.FailedTenants,
                UnknownBlocks = time.GetElapsedTime(_start, round.Began) >= Delay
                    ? ""
                    : "the service lists late, and what came to it shortly before the start may not be listed yet",
                Blocks = blocks,
                Unreadable = [.. view.Unreadable.Except(unreadableBefore), .. listing.Unreadable],
                Quarantined = view.Quarantined.Union(listing.Quarantined),
                Deleted = deleted.Aggregate(view.Deleted, (all, tenant) => Known(all, tenant.Key, tenant.Value)),
                UnknownDeletions = unknown.ToImmutableDictionary(),
            };
        });
        _unreadable = listing.Unreadable;
        return round.Began;
    }

    // Lists again while blocks are over whose successors this listing need not show, if the store does not list late: a listing is cheaper
    // than to read such a block beside its successor, where every trace lies twice. The second listing is for all of them, further ones
    // only for those that the view does not have yet.
    private async Task<Round> ListAsync(NodeView view, HashSet<BlockHandle> before, CancellationToken cancellation)
    {
        var known = view.Blocks.Select(static block => block.Meta.BlockId).ToHashSet();
        var readable = view.Readable.Select(static block => block.Meta.BlockId).ToHashSet();
        for (var again = 0; ; again++)
        {
            var began = time.GetTimestamp();
            var listing = await remote.ListAsync(options.TenantIndex, time.GetUtcNow(), known.Contains, cancellation).ConfigureAwait(false);
            var there = listing.Existing.Select(static block => block.Block).Where(known.Contains)
                .Concat(listing.Blocks.Select(static meta => meta.BlockId)).ToHashSet();
            var tenants = before.DistinctBy(static block => block.Meta.BlockId)
                .ToDictionary(static block => block.Meta.BlockId, static block => block.Meta.Tenant);
            foreach (var (block, tenant) in listing.Over) tenants[block] = tenant;
            var (late, replaced) = Note(listing, [.. tenants.Where(block => !there.Contains(block.Key))], began);
            var over = state.NotTakenOut(listing.Over.Keys.Where(block => !there.Contains(block) && !replaced.Contains(block)));
            var unknown = over.Where(block => !readable.Contains(block)).ToList();
            var anotherHelps = (again == 0 ? over : unknown).Exists(block => listing.ShowsSuccessorsOf(listing.Over[block]));
            if (anotherHelps && again < MaxListings && Delay == TimeSpan.Zero) continue;
            return new Round(
                began, listing, there, late, replaced, await remote.ReadOverAsync(listing, unknown, cancellation).ConfigureAwait(false));
        }
    }

    // Of blocks that are not there: those that may be too new to be listed; and those that have been over for so long that the listing,
    // which began then, shows what they became: that was written before they were over. Not of a tenant whose new blocks it does not show.
    private (HashSet<BlockId> Late, HashSet<BlockId> Replaced) Note(
        BlockListing listing, List<KeyValuePair<BlockId, TenantId>> unlisted, long began)
    {
        var (missedBefore, outBefore, ended) = (_missingSince, _outSince, time.GetTimestamp());
        var ids = unlisted.Select(static block => block.Key).ToList();
        _missingSince = ids.Where(block => !listing.Over.ContainsKey(block) && !outBefore.ContainsKey(block))
            .ToDictionary(static block => block, block => missedBefore.GetValueOrDefault(block, began));
        var late =
            _missingSince.Where(entry => time.GetElapsedTime(entry.Value, began) < Delay).Select(static entry => entry.Key).ToHashSet();
        _outSince = ids.Where(block => !late.Contains(block))
            .ToDictionary(static block => block, block => outBefore.GetValueOrDefault(block, ended));

        // What has been replaced stays so.
        bool IsShown(BlockId block) => outBefore.ContainsKey(block) && time.GetElapsedTime(_outSince[block], began) >= Delay;
        return (late, [.. unlisted.Where(
            block => _outSince.ContainsKey(block.Key)
                && (state.View.Replaced.Contains(block.Key) || IsShown(block.Key) && listing.ShowsSuccessorsOf(block.Value)))
                    .Select(static block => block.Key)]);
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
            messages.Error("block left out, answers of its tenant are partial", ("tenant", block.Tenant.Value),
                ("block", block.Block.ToString()), ("err", block.Error));
    }

    // What is stored, and what this node deleted while it was read. What is older and not stored any more has left the blocks.
    private ImmutableDictionary<TenantId, DeletedTraces> Known(
        ImmutableDictionary<TenantId, DeletedTraces> all, TenantId tenant, DeletedTraces stored)
    {
        var known =
            all.GetValueOrDefault(tenant, DeletedTraces.None).After(time.GetUtcNow() - TraceDeletion.ShortestKept).With(stored) ?? stored;
        return known.Count == 0 ? all.Remove(tenant) : all.SetItem(tenant, known);
    }

    private async Task<(Dictionary<TenantId, DeletedTraces> Changed, Dictionary<TenantId, string> Unknown)> ReadDeletedAsync(
        BlockListing listing, CancellationToken cancellation)
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
                messages.Error("the tenant's list of deleted traces could not be read, its answers are partial", ("tenant", tenant.Value),
                    ("err", error));
                continue;
            }

            changed[tenant] = deleted;
            _deletedSeen[tenant] = info;
        }

        return (changed, unknown);
    }

    /// <summary>A listing and what follows from it.</summary>
    /// <param name="Began">When.</param>
    /// <param name="Listing">What it said.</param>
    /// <param name="There">Blocks that are not over.</param>
    /// <param name="Late">Blocks of the view that may be too new to be listed.</param>
    /// <param name="Replaced">Blocks that are, and whose spans are in what the listing shows; or expired.</param>
    /// <param name="Over">Blocks that came and went since the listing before, of which that is not known yet.</param>
    private sealed record Round(
        long Began, BlockListing Listing, HashSet<BlockId> There, HashSet<BlockId> Late, HashSet<BlockId> Replaced, List<BlockMeta> Over);
}
