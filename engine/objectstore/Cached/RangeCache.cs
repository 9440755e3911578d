namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Parts of immutable objects in memory, up to a number of bytes, by S3-FIFO (Yang et al., SOSP 2023): what is seen for the
/// first time waits in a short queue and leaves it soon, unless it was asked for again; so one scan over everything does not
/// push out what is asked for often.
/// <code>
/// put     known to the ghosts (keys that left the short queue lately) → long queue, else → short queue
/// hit     a counter up to 3, nothing moves
/// evict   short queue over its tenth: its oldest goes to the long queue if it was hit, else it leaves and becomes a ghost
///         else the oldest of the long queue goes round again while its counter is not 0
/// </code>
/// The queues may hold keys of which the value is gone. Thread safe, one lock: a part is hundreds of kilobytes, and its
/// alternative a request over the network.
/// </summary>
public sealed class RangeCache(long maxBytes)
{
    private const int ShortShare = 10;
    private readonly Lock _lock = new();
    private readonly Dictionary<Part, Entry> _entries = [];
    private readonly Queue<Part> _short = [];
    private readonly Queue<Part> _long = [];
    private readonly Queue<Part> _ghostOrder = [];
    private readonly HashSet<Part> _ghosts = [];
    private long _shortBytes;
    private long _longBytes;

    /// <summary>Bytes that are held.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock) return _shortBytes + _longBytes;
        }
    }

    public long Hits { get; private set; }
    public long Misses { get; private set; }

    /// <summary>Part of an object: the chunk of this number. Which bytes those are is the user's rule.</summary>
    public readonly record struct Part(ObjectKey Object, long Chunk);

    /// <summary>The part, or null. The array is shared: nobody writes to it.</summary>
    public byte[]? TryGet(Part part)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(part, out var entry))
            {
                Misses++;
                return null;
            }

            Hits++;
            entry.Hits = Math.Min(entry.Hits + 1, 3);
            return entry.Bytes;
        }
    }

    /// <summary>Keeps a part; the array is the cache's from now on. One that is there already stays.</summary>
    public void Put(Part part, byte[] bytes)
    {
        if (bytes.Length > maxBytes / ShortShare) return;
        lock (_lock)
        {
            if (_entries.ContainsKey(part)) return;
            var isLong = _ghosts.Remove(part);
            _entries.Add(part, new Entry { Bytes = bytes, IsLong = isLong });
            if (isLong)
            {
                _long.Enqueue(part);
                _longBytes += bytes.Length;
            }
            else
            {
                _short.Enqueue(part);
                _shortBytes += bytes.Length;
            }

            while (_shortBytes + _longBytes > maxBytes) Evict();
        }
    }

    private void Evict()
    {
        if (_short.Count > 0 && (_shortBytes > maxBytes / ShortShare || _long.Count == 0)) EvictShort();
        else EvictLong();
    }

    private void EvictShort()
    {
        var part = _short.Dequeue();
        var entry = _entries[part];
        _shortBytes -= entry.Bytes.Length;
        if (entry.Hits > 0)
        {
            entry.Hits = 0;
            entry.IsLong = true;
            _long.Enqueue(part);
            _longBytes += entry.Bytes.Length;
            return;
        }

        _entries.Remove(part);
        if (_ghosts.Add(part)) _ghostOrder.Enqueue(part);
        // As many as there are entries, so that a part has as long to come back as the cache is deep.
        while (_ghostOrder.Count > _entries.Count + 16) _ghosts.Remove(_ghostOrder.Dequeue());
    }

    private void EvictLong()
    {
        while (true)
        {
            var part = _long.Dequeue();
            var entry = _entries[part];
            if (entry.Hits > 0)
            {
                entry.Hits--;
                _long.Enqueue(part);
                continue;
            }

            _longBytes -= entry.Bytes.Length;
            _entries.Remove(part);
            return;
        }
    }

    private sealed class Entry
    {
        public required byte[] Bytes { get; init; }
        public bool IsLong { get; set; }
        public int Hits { get; set; }
    }
}
