using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The traces that one block has in common with others: two blocks do not change, so what was found out by comparing all their ids holds as
/// long as both are there, and mostly it is "none". Bounded: what does not fit is found out again. Thread safe.
/// </summary>
public sealed class CommonTraces
{
    /// <summary>Other blocks that are remembered: those whose times overlap are few, but a tenant may send whatever times it likes.</summary>
    private const int MaxBlocks = 256;

    /// <summary>Ids that are remembered, with all blocks together: 64 KiB.</summary>
    private const int MaxIds = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<BlockId, TraceId[]> _byBlock = [];
    private int _idCount;

    /// <summary>The ids in common with another block, ascending; null if nobody found out, or they were too many.</summary>
    public TraceId[]? With(BlockId otherBlock)
    {
        lock (_lock) return _byBlock.GetValueOrDefault(otherBlock);
    }

    /// <summary>Remembers them. They must not change any more.</summary>
    public void Keep(BlockId otherBlock, TraceId[] ids)
    {
        if (ids.Length > MaxIds) return;
        lock (_lock)
        {
            if (_byBlock.Count >= MaxBlocks || _idCount + ids.Length > MaxIds)
            {
                _byBlock.Clear();
                _idCount = 0;
            }

            if (_byBlock.TryAdd(otherBlock, ids)) _idCount += ids.Length;
        }
    }
}
