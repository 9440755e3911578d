using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node;

/// <summary>
/// What can be read, at one moment: the generations that are not blocks yet, and the blocks. A cut replaces the one by the
/// other in a single step, so a reader sees each span in exactly one of them.
/// </summary>
internal sealed record NodeView(Generation[] Generations, BlockHandle[] Blocks)
{
    public Generation Current => Generations[^1];

    /// <summary>Where the tenants' traces are now.</summary>
    public TraceSources SourcesOf(TenantSet tenants)
    {
        var live = new List<LiveBatchView>();
        foreach (var generation in Generations)
            foreach (var tenant in tenants.Tenants)
                generation.Live.CollectBatches(tenant, live);
        return new TraceSources(live, [.. Blocks.Where(block => tenants.Contains(block.Meta.Tenant))]);
    }
}
