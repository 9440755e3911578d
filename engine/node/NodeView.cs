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

    /// <summary>
    /// Why it is not known which blocks the object service holds, as long as it was never asked with success: nobody's answers are
    /// whole then. Empty: it is known.
    /// </summary>
    public string UnknownBlocks { get; init; } = "";

    /// <summary>Blocks that are left out of compaction, by this run, an earlier one or another node.</summary>
    public ImmutableHashSet<BlockId> Quarantined { get; init; } = [];

    /// <summary>What tenants have deleted that may still lie somewhere.</summary>
    public ImmutableDictionary<TenantId, DeletedTraces> Deleted { get; init; } = ImmutableDictionary<TenantId, DeletedTraces>.Empty;

    public DeletedTraces DeletedOf(TenantId tenant) => Deleted.GetValueOrDefault(tenant, DeletedTraces.None);

    /// <summary>The generations that take no more requests and are to be cut, oldest first.</summary>
    public Generation[] Waiting => Generations.Length > 1 ? Generations[..^1] : [];

    /// <summary>Where the tenants' traces are now.</summary>
    public TraceSources SourcesOf(TenantSet tenants)
    {
        var live = new List<LiveBatchView>();
        foreach (var generation in Generations)
            foreach (var tenant in tenants.Tenants)
                generation.Live.CollectBatches(tenant, live);
        return new TraceSources(live, [.. Blocks.Where(block => tenants.Contains(block.Meta.Tenant))])
        {
            Damage = DamageOf(tenants),
            Hidden = Deleted.IsEmpty ? FrozenSet<TraceId>.Empty : tenants.Tenants.SelectMany(tenant => DeletedOf(tenant).Ids).ToHashSet(),
        };
    }

    private string DamageOf(TenantSet tenants)
    {
        if (UnknownBlocks.Length > 0) return $"the list of blocks has not been read since the start: {UnknownBlocks}";
        return Unreadable.FirstOrDefault(block => tenants.Contains(block.Tenant)) is { } missing ? $"block {missing.Block} could not be read: {missing.Error}" : "";
    }
}
