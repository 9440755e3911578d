namespace Tempo.Engine.Query.Sources;

/// <summary>Hands out the row groups of blocks one by one, in order, to several threads; a block is opened when its turn comes. Thread safe.</summary>
internal sealed class RowGroupJobs(IReadOnlyList<QueryBlock> blocks)
{
    private readonly Lock _lock = new();
    private int _block = -1;
    private int _rowGroup;
    private int _rowGroupCount;

    /// <summary>The first block of which row groups are still to be handed out; null if all are.</summary>
    public QueryBlock? First
    {
        get
        {
            lock (_lock)
            {
                var next = _rowGroup < _rowGroupCount ? _block : _block + 1;
                return next < blocks.Count ? blocks[next] : null;
            }
        }
    }

    /// <summary>The next one; false if all are handed out. Blocks that cannot be opened are passed over.</summary>
    public bool TryTake(out QueryBlock block, out int rowGroup)
    {
        lock (_lock)
        {
            while (_rowGroup >= _rowGroupCount)
            {
                if (++_block >= blocks.Count)
                {
                    (block, rowGroup) = (null!, 0);
                    return false;
                }

                (_rowGroup, _rowGroupCount) = (0, blocks[_block].TryOpen()?.RowGroupCount ?? 0);
            }

            (block, rowGroup) = (blocks[_block], _rowGroup++);
            return true;
        }
    }
}
