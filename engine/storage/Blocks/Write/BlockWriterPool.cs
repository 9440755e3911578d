namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Keeps writers with their memory (a page's columns, a row group's compressed pages and dictionaries: some tens of MB), so
/// that blocks are built one after the other without garbage, those of cuts and those of compaction by the same writer. Bounded, and
/// what nobody asks for any more goes: the columns of yesterday, or the second writer of a busy minute. Thread safe.
/// </summary>
internal sealed class BlockWriterPool(int capacity)
{
    /// <summary>
    /// A writer that was not needed for this many blocks is not kept: it is a seventh of all memory at 10,000 spans/s, and the next merge
    /// that runs beside a cut comes in a minute.
    /// </summary>
    private const int MaxIdleBlocks = 4;

    // With the number of the block that it was last used for, ascending.
    private readonly List<(BlockWriter Writer, long LastBlock)> _idle = [];
    private readonly Lock _lock = new();
    private long _blocks;

    /// <summary>A writer of these columns that begins a file laid out like this.</summary>
    public BlockWriter Rent(Stream output, BlockWriterOptions layout, string? spillPath)
    {
        lock (_lock)
        {
            var found = _idle.FindLastIndex(idle => idle.Writer.Options.HasColumnsOf(layout));
            if (found >= 0)
            {
                var writer = _idle[found].Writer;
                _idle.RemoveAt(found);
                writer.Restart(output, layout, spillPath);
                return writer;
            }
        }

        return new BlockWriter(output, layout, spillPath);
    }

    /// <summary>Takes a writer back, whatever became of its file. Of too many the one that was idle longest goes.</summary>
    public void Return(BlockWriter writer)
    {
        if (!writer.IsReusable)
        {
            writer.Dispose();
            return;
        }

        writer.Restart(Stream.Null);
        lock (_lock)
        {
            _idle.Add((writer, ++_blocks));
            while (_idle.Count > capacity || _blocks - _idle[0].LastBlock >= MaxIdleBlocks) _idle.RemoveAt(0);
        }
    }
}
