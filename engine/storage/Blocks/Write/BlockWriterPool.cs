namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Keeps writers with their memory (a page's columns, a row group's compressed pages and dictionaries: some tens of MB), so
/// that blocks are built one after the other without garbage. Bounded; thread safe.
/// </summary>
internal sealed class BlockWriterPool(int capacity)
{
    private readonly List<BlockWriter> _idle = [];
    private readonly Lock _lock = new();

    /// <summary>A writer of this layout that begins a file.</summary>
    public BlockWriter Rent(Stream output, BlockWriterOptions layout, string? spillPath)
    {
        lock (_lock)
        {
            var found = _idle.FindLastIndex(idle => idle.Options.IsSameAs(layout));
            if (found >= 0)
            {
                var writer = _idle[found];
                _idle.RemoveAt(found);
                writer.Restart(output, spillPath);
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
            _idle.Add(writer);
            if (_idle.Count > capacity) _idle.RemoveAt(0);
        }
    }
}
