using System.Collections.Frozen;
using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node;

/// <summary>
/// What can be read, at one moment: the generations that are not blocks yet, and the blocks. A cut replaces the one by the
/// other in a single step, so a reader sees each span in exactly one of them.
/// </summary>
internal sealed record NodeView(Generation[] Generations, BlockHandle[] Blocks)
{
    public Generation Current => Generations[^1];

    /// <summary>Blocks that are there and of which nothing can be read: answers of their tenants are partial.</summary>
    public IReadOnlyList<UnreadableBlock> Unreadable { get; init; } = [];

    /// <summary>Tenants whose new blocks are not known, for want of an index: their answers are partial.</summary>
    public IReadOnlyList<TenantId> Unindexed { get; init; } = [];

    /// <summary>
    /// Why it is not known which blocks the object service holds, as long as it was never asked with success: nobody's answers are
    /// whole then. Empty: it is known.
    /// </summary>
    public string UnknownBlocks { get; init; } = "";

    /// <summary>
    /// Blocks that are over, though their files are there for a while: read until a listing shows for certain what they became
    /// (<see cref="Blocklist"/>). Not compacted.
    /// </summary>
    public BlockHandle[] Former { get; init; } = [];

    /// <summary>
    /// Blocks that are over, and whose spans are in blocks that are read, or expired. Of the last listing (<see cref="Blocklist"/>).
    /// </summary>
    public IReadOnlySet<BlockId> Replaced { get; init; } = FrozenSet<BlockId>.Empty;

    /// <summary>All blocks that are read.</summary>
    public IEnumerable<BlockHandle> Readable => Former.Length == 0 ? Blocks : Blocks.Concat(Former);

    /// <summary>Blocks that are left out of compaction, by this run, an earlier one or another node.</summary>
    public ImmutableHashSet<BlockId> Quarantined { get; init; } = [];

    /// <summary>What tenants have deleted that may still lie somewhere.</summary>
    public ImmutableDictionary<TenantId, DeletedTraces> Deleted { get; init; } = ImmutableDictionary<TenantId, DeletedTraces>.Empty;

    /// <summary>
    /// Tenants whose list of deleted traces cannot be understood, and why. Where nothing is known of an earlier one all that they have is
    /// withheld: it would show what they deleted. Their answers are partial.
    /// </summary>
    public ImmutableDictionary<TenantId, string> UnknownDeletions { get; init; } = ImmutableDictionary<TenantId, string>.Empty;

    public DeletedTraces DeletedOf(TenantId tenant) => Deleted.GetValueOrDefault(tenant, DeletedTraces.None);

    /// <summary>The generations that take no more requests and are to be cut, oldest first.</summary>
    public Generation[] Waiting => Generations.Length > 1 ? Generations[..^1] : [];

    /// <summary>Where the tenants' traces are now.</summary>
    public TraceSources SourcesOf(TenantSet tenants) => SourcesOf(tenants, AddedSources.None);

    /// <summary>The same together with what other nodes have, which was collected before this view was taken.</summary>
    public TraceSources SourcesOf(TenantSet tenants, AddedSources peers)
    {
        var live = new List<LiveBatchView>();
        foreach (var generation in Generations)
            foreach (var tenant in tenants.Tenants)
                if (IsShown(tenant))
                    generation.Live.CollectBatches(tenant, live);
        if (tenants.Tenants.All(IsShown)) live.AddRange(peers.Live); // they do not say whose they are
        BlockHandle[] blocks = [.. Readable.Where(block => tenants.Contains(block.Meta.Tenant) && IsShown(block.Meta.Tenant))];
        if (peers.Blocks.Count > 0)
        {
            var own = blocks.Select(static block => block.Meta.BlockId).ToHashSet();
            blocks = [.. blocks, .. peers.Blocks.Where(block => own.Add(block.Meta.BlockId) && IsShown(block.Meta.Tenant))];
        }

        return new TraceSources(live, blocks)
        {
            Damage = DeletionsDamageOf(tenants) is { Length: > 0 } damage ? damage : peers.Damage,
            BlockDamage = BlockDamageOf(tenants),
            Hidden = Deleted.IsEmpty ? FrozenSet<TraceId>.Empty : tenants.Tenants.SelectMany(tenant => DeletedOf(tenant).Ids).ToHashSet(),
        };
    }

    private bool IsShown(TenantId tenant) => !UnknownDeletions.ContainsKey(tenant) || Deleted.ContainsKey(tenant);

    private string DeletionsDamageOf(TenantSet tenants)
    {
        foreach (var tenant in tenants.Tenants)
            if (UnknownDeletions.TryGetValue(tenant, out var error))
                return $"tenant {tenant}: the list of deleted traces could not be read: {error}";
        return "";
    }

    private string BlockDamageOf(TenantSet tenants)
    {
        if (UnknownBlocks.Length > 0) return $"the list of blocks has not been read since the start: {UnknownBlocks}";
        foreach (var tenant in Unindexed)
            if (tenants.Contains(tenant))
                return $"new blocks of tenant {tenant} are not known: there is no index that may be used, and storage.trace.blocklist_poll_fallback is off";
        return Unreadable.FirstOrDefault(block => tenants.Contains(block.Tenant)) is { } missing
            ? $"block {missing.Block} could not be read: {missing.Error}"
            : "";
    }
}
