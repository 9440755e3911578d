using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Hands out the row groups of blocks one by one, in order, to several threads; a block is opened when its turn comes. Of a slice only
/// those that may have traces of it. Thread safe.
/// </summary>
/// <param name="blocks">In this order.</param>
/// <param name="slice">Null: all row groups.</param>
/// <param name="onOutside">Told how many row groups of a block are not of the slice, by one thread at a time.</param>
internal sealed class RowGroupJobs(IReadOnlyList<QueryBlock> blocks, TraceSlice? slice = null, Action<int>? onOutside = null)
{
    private readonly Lock _lock = new();
    private int _block = -1;
    private int[] _rowGroups = [];
    private int _next;

    /// <summary>The first block of which row groups are still to be handed out; null if all are.</summary>
    public QueryBlock? First
    {
        get
        {
            lock (_lock)
            {
                var next = _next < _rowGroups.Length ? _block : _block + 1;
                return next < blocks.Count ? blocks[next] : null;
            }
        }
    }

    /// <summary>The next one; false if all are handed out. Blocks that cannot be opened are passed over.</summary>
    public bool TryTake(out QueryBlock block, out int rowGroup)
    {
        lock (_lock)
        {
            while (_next >= _rowGroups.Length)
            {
                if (++_block >= blocks.Count)
                {
                    (block, rowGroup) = (null!, 0);
                    return false;
                }

                (_rowGroups, _next) = (blocks[_block].TryOpen() is { } open ? RowGroupsOf(open) : [], 0);
            }

            (block, rowGroup) = (blocks[_block], _rowGroups[_next++]);
            return true;
        }
    }

    private int[] RowGroupsOf(BlockReader block)
    {
        var found = TraceSlice.RowGroupsOf(slice, block);
        if (block.RowGroupCount - found.Length is > 0 and var outside) onOutside?.Invoke(outside);
        return found;
    }
}
