using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node;

/// <summary>What storage offers to the loop, made from the node's options.</summary>
internal sealed record CompactionServices(
    CompactionOptions Options, TenantOverrides Overrides, BlockCompactor Compactor, BlockRetention Retention)
{
    /// <summary>After so many rounds in which no block came to those that wait for a fourth they are compacted in any case.</summary>
    private const int PatienceCycles = 10;

    /// <summary>
    /// Which of a tenant's blocks are compacted together; null: none are. Retention and deleted traces do not ask for it.
    /// </summary>
    public CompactionOptions? OptionsOf(TenantId tenant) => Overrides.Of(tenant).Compaction switch
    {
        { IsCompactionDisabled: true } => null,
        { CompactionWindow: { Ticks: > 0 } window } => Options with { Window = window },
        _ => Options,
    };

    // Blocks of different lists become one: with the list in use, the operator's or the chosen one; where there is none, with all they
    // have.
    private static DedicatedColumns ColumnsOf(CompactionJob job, ColumnPromotion promotion) =>
        promotion.ColumnsFor(job.Tenant) is var inUse && (inUse.Specs.Count > 0 || promotion.IsAutomatic) ? inUse : job.DedicatedColumns;

    public static CompactionServices Create(
        NodeOptions options, IObjectStore objects, BlockStore store, ColumnPromotion promotion, TimeProvider time, RowLimits rowLimits)
    {
        var clock = new SteadyClock(time);
        var compacted = new CompactedBlocks(objects, clock);
        var compaction = new CompactionOptions
        {
            Window = options.CompactionWindow,
            Patience = PatienceCycles * options.CompactionCycle < options.CompactionPatience
                ? PatienceCycles * options.CompactionCycle
                : options.CompactionPatience,
            RowLimits = rowLimits,
            MaxObjects = options.MaxCompactionObjects,
            MaxBlockBytes = options.MaxCompactedBlockBytes,
        };
        compaction = compaction with
        {
            Layout = compaction.Layout with
            {
                RowGroupBytes = Math.Min(options.RowGroupBytes, CompactionOptions.MaxRowGroupBytes),
                Version = BlockVersion.Get(options.BlockVersion)
            }
        };
        var retention = new RetentionOptions
        {
            BlockRetention = options.BlockRetention,
            CompactedBlockRetention = options.CompactedBlockRetention,
            TenantRetention = tenant => options.Overrides.Of(tenant).Compaction is { BlockRetention: { Ticks: > 0 } own } ? own : null,
            TenantMaxBytes = tenant => options.Overrides.Of(tenant).Compaction.MaxBytes,
            MaxBytes = options.MaxRetainedBytes,
            MaxDiskShare = options.MaxDiskShare,
        };
        return new CompactionServices(compaction, options.Overrides,
            new BlockCompactor(objects, store, compacted, compaction, job => ColumnsOf(job, promotion)),
            new BlockRetention(objects, compacted, retention, clock));
    }
}
