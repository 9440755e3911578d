using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// What was found damaged in the blocks of a store since the start: counted by its kind, and remembered by block, so that
/// compaction leaves such a block as it is. Thread safe.
/// </summary>
public sealed class BlockHealth
{
    private readonly ConcurrentDictionary<BlockId, BlockDamage> _damaged = new();
    private readonly CounterFamily? _errors;

    /// <param name="registry">Where errors are counted; null: nowhere.</param>
    public BlockHealth(MetricRegistry? registry = null)
    {
        _errors = registry?.Counter("tempodb_block_errors_total", "Objects of blocks, or parts of them, that could not be read.", "reason");
        registry?.Gauge("tempodb_blocks_damaged", "Blocks of which something was found damaged since the start.", () => _damaged.Count);
    }

    /// <summary>Something of the block was found damaged.</summary>
    public void Report(BlockId block, BlockDamage damage)
    {
        _damaged[block] = damage;
        Count(damage);
    }

    /// <summary>
    /// Something of the block could not be read. Only what is wrong with its bytes, or not there, is remembered: a store that fails
    /// for a while says nothing about the block.
    /// </summary>
    public void Report(BlockId block, BlockDamage damage, Exception error)
    {
        if (error is ParquetFormatException or ObjectStoreException { Error: ObjectStoreError.NotFound }) Report(block, damage);
        else Count(damage);
    }

    /// <summary>Something of a block could not be read, for no fault of its own.</summary>
    public void Count(BlockDamage damage) => _errors?.With(damage.ToString().ToLowerInvariant()).Add();

    /// <summary>Was something of the block found damaged?</summary>
    public bool IsDamaged(BlockId block) => _damaged.ContainsKey(block);
}

/// <summary>What of a block is damaged, and what that costs.</summary>
public enum BlockDamage
{
    /// <summary>meta.json: all answers of the tenant are partial.</summary>
    Meta,

    /// <summary>The footer, or the data is not there: answers miss the block, and say so.</summary>
    Footer,

    /// <summary>A page: answers miss its row group, and say so.</summary>
    Page,

    /// <summary>A bloom shard: it excludes nothing.</summary>
    Bloom,

    /// <summary>The index object: all row groups are searched.</summary>
    Index,
}
