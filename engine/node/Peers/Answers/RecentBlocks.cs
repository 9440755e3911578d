using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node.Peers.Answers;

/// <summary>
/// Blocks that this node has brought to the store lately. It tells of them until every node has listed the store since: until then
/// they could be in nobody's view but its own. Thread safe.
/// </summary>
internal sealed class RecentBlocks(TimeProvider time)
{
    /// <summary>How long a block is told of. Who has not listed the store for so long asks it before it answers.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(15);

    private readonly Lock _lock = new();
    private readonly List<(BlockMeta Meta, long At)> _blocks = [];

    public void Add(BlockMeta meta)
    {
        lock (_lock)
        {
            _blocks.RemoveAll(block => time.GetElapsedTime(block.At) > Kept || block.Meta.BlockId == meta.BlockId);
            _blocks.Add((meta, time.GetTimestamp()));
        }
    }

    public List<BlockMeta> All()
    {
        lock (_lock) return [.. _blocks.Where(block => time.GetElapsedTime(block.At) <= Kept).Select(static block => block.Meta)];
    }
}
