using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>An input of a compaction cannot be read. The job is given up; the block stays as it is.</summary>
public sealed class DamagedInputException(BlockMeta block, string what, Exception? inner = null)
    : Exception($"block {block.Tenant}/{block.BlockId}: {what}", inner)
{
    public BlockMeta Block { get; } = block;
}
