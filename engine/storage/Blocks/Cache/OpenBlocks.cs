using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Blocks.Cache;

/// <summary>
/// Which blocks stay open from query to query: their footers (some hundred kilobytes each as objects), filters and files. The one
/// that nobody opened for the longest time is let go when there are more than fit. Who still reads it goes on: its memory is the
/// collector's when the last one is done, and its file, which is closed at once, is opened for each further read. Thread safe.
/// </summary>
/// <param name="maxBytes">Most bytes of what is open.</param>
/// <param name="maxCount">Most blocks: each has a file.</param>
public sealed class OpenBlocks(long maxBytes, int maxCount)
{
    private readonly Lock _lock = new();

    // Least lately used first.
    private readonly LinkedList<Entry> _order = new();
    private readonly Dictionary<BlockHandle, LinkedListNode<Entry>> _entries = [];
    private long _bytes;

    /// <summary>Bytes of what is open, as estimated by <see cref="BlockReader.MemoryBytes"/>.</summary>
    public long SizeBytes => Interlocked.Read(ref _bytes);

    /// <summary>Most bytes. One block is always kept.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Blocks that are open.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _entries.Count;
        }
    }

    /// <summary>The block was opened, or is used again.</summary>
    internal void Use(BlockHandle block, BlockReader reader)
    {
        List<Entry>? over;
        lock (_lock)
        {
            if (_entries.TryGetValue(block, out var known) && known.Value.Reader == reader)
            {
                _order.Remove(known);
                _order.AddLast(known);
                return;
            }

            if (known is not null) Forget(known);
            var entry = new Entry(block, reader, reader.MemoryBytes);
            _entries.Add(block, _order.AddLast(entry));
            Interlocked.Add(ref _bytes, entry.SizeBytes);
            over = ForgetWhatIsOver(block);
        }

        LetGo(over);
    }

    /// <summary>The reader has come to keep more: see <see cref="BlockReader.MemoryBytes"/>.</summary>
    internal void Grew(BlockHandle block, BlockReader reader)
    {
        List<Entry>? over;
        lock (_lock)
        {
            if (!_entries.TryGetValue(block, out var known) || known.Value.Reader != reader) return;
            var entry = known.Value with { SizeBytes = reader.MemoryBytes };
            Interlocked.Add(ref _bytes, entry.SizeBytes - known.Value.SizeBytes);
            known.Value = entry;
            over = ForgetWhatIsOver(block);
        }

        LetGo(over);
    }

    // But for the one that is being used.
    private List<Entry>? ForgetWhatIsOver(BlockHandle used)
    {
        List<Entry>? over = null;
        var oldest = _order.First;
        while ((_bytes > maxBytes || _entries.Count > maxCount) && oldest is not null)
        {
            var next = oldest.Next;
            if (oldest.Value.Block != used)
            {
                Forget(oldest);
                (over ??= []).Add(oldest.Value);
            }

            oldest = next;
        }

        return over;
    }

    // Outside of the lock: a block has one of its own.
    private static void LetGo(List<Entry>? entries)
    {
        foreach (var entry in entries ?? []) entry.Block.LetGo(entry.Reader);
    }

    /// <summary>The block is closed.</summary>
    internal void Remove(BlockHandle block)
    {
        lock (_lock)
            if (_entries.TryGetValue(block, out var known))
                Forget(known);
    }

    private void Forget(LinkedListNode<Entry> node)
    {
        _order.Remove(node);
        _entries.Remove(node.Value.Block);
        Interlocked.Add(ref _bytes, -node.Value.SizeBytes);
    }

    // With the bytes that it counts with.
    private readonly record struct Entry(BlockHandle Block, BlockReader Reader, long SizeBytes);
}
