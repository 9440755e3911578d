namespace Tempo.Engine.Parquet;

/// <summary>
/// Keeps unpacked dictionaries of open files, up to a number of bytes: who looks up one trace often looks up its neighbours, and a
/// dictionary costs as much to unpack as all else of a trace. One that is asked for the first time is not kept, so that a scan of
/// everything pushes nothing out; of what is kept, what was not used since the hand last passed goes first. Thread safe.
/// </summary>
public sealed class DictionaryCache(long maxBytes)
{
    /// <summary>Chunks whose first use is remembered, by hash: some thousand row groups' large columns.</summary>
    private const int MaxSeen = 1 << 14;

    private const int OverheadBytes = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<(ParquetFileReader File, int Chunk), Kept> _kept = [];
    private readonly Queue<Kept> _order = new();
    private readonly int[] _seen = new int[MaxSeen];
    private long _bytes;

    /// <summary>Bytes of the dictionaries that are kept.</summary>
    public long SizeBytes => Interlocked.Read(ref _bytes);

    /// <summary>
    /// The chunk's dictionary, or null; then <paramref name="isWanted"/> says that it is worth keeping: it was asked for before.
    /// </summary>
    internal ColumnDictionary? Find(ParquetFileReader file, int chunk, out bool isWanted)
    {
        lock (_lock)
        {
            isWanted = false;
            if (_kept.TryGetValue((file, chunk), out var kept))
            {
                kept.IsUsed = true;
                return kept.Dictionary;
            }

            var hash = HashCode.Combine(file, chunk) | 1;
            ref var seen = ref _seen[(hash >>> 1) & (MaxSeen - 1)];
            isWanted = seen == hash;
            seen = hash;
            return null;
        }
    }

    /// <summary>Keeps a dictionary, if there is room for it at all.</summary>
    internal void Keep(ParquetFileReader file, int chunk, ColumnDictionary dictionary)
    {
        var bytes = dictionary.SizeBytes + OverheadBytes;
        lock (_lock)
        {
            if (bytes > maxBytes / 4 || file.IsClosed || !_kept.TryAdd((file, chunk), new Kept(file, chunk, dictionary, bytes))) return;
            _order.Enqueue(_kept[(file, chunk)]);
            Interlocked.Add(ref _bytes, bytes);
            while (_bytes > maxBytes) Turn();
        }
    }

    /// <summary>Nobody reads the file any more.</summary>
    public void Remove(ParquetFileReader file)
    {
        lock (_lock)
        {
            file.IsClosed = true;
            for (var left = _order.Count; left > 0; left--)
            {
                var kept = _order.Dequeue();
                if (kept.File == file) Drop(kept);
                else _order.Enqueue(kept);
            }
        }
    }

    private void Turn()
    {
        var kept = _order.Dequeue();
        if (kept.IsUsed)
        {
            kept.IsUsed = false;
            _order.Enqueue(kept);
        }
        else
        {
            Drop(kept);
        }
    }

    private void Drop(Kept kept)
    {
        _kept.Remove((kept.File, kept.Chunk));
        Interlocked.Add(ref _bytes, -kept.Bytes);
    }

    private sealed class Kept(ParquetFileReader file, int chunk, ColumnDictionary dictionary, long bytes)
    {
        public ParquetFileReader File => file;
        public int Chunk => chunk;
        public ColumnDictionary Dictionary => dictionary;
        public long Bytes => bytes;
        public bool IsUsed;
    }
}
