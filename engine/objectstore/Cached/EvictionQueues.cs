namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Which entries of a cache stay, by S3-FIFO (Yang et al., SOSP 2023): what is seen for the first time waits in a short queue and
/// leaves it soon, unless it was asked for again; so one scan over everything does not push out what is asked for often.
/// <code>
/// add     known to the ghosts (keys that left the short queue lately) → long queue, else → short queue
/// hit     a counter up to 3, nothing moves
/// evict   short queue over its tenth: its oldest goes to the long queue if it was hit, else it leaves and becomes a ghost
///         else the oldest of the long queue goes round again while its counter is not 0
/// </code>
/// Not thread safe.
/// </summary>
/// <param name="maxBytes">Of all entries together; one that is over a tenth of it is not taken.</param>
internal sealed class EvictionQueues<TKey, TValue>(long maxBytes)
    where TKey : notnull
{
    private const int ShortShare = 10;
    private readonly Dictionary<TKey, Entry> _entries = [];
    private readonly Queue<TKey> _short = [];
    private readonly Queue<TKey> _long = [];
    private readonly Queue<TKey> _ghostOrder = [];
    private readonly HashSet<TKey> _ghosts = [];
    private long _shortBytes;
    private long _longBytes;

    /// <summary>Of all entries.</summary>
    public long Bytes => _shortBytes + _longBytes;

    /// <summary>Counts as a hit if it is there.</summary>
    public bool TryGet(TKey key, out TValue? value)
    {
        value = default;
        if (!_entries.TryGetValue(key, out var entry) || entry.IsEmpty) return false;
        entry.Hits = Math.Min(entry.Hits + 1, 3);
        value = entry.Value;
        return true;
    }

    /// <summary>Whether it is there; no hit.</summary>
    public bool Has(TKey key) => _entries.TryGetValue(key, out var entry) && !entry.IsEmpty;

    /// <summary>False if it is there already, or too large. What has to leave for it is added to <paramref name="evicted"/>.</summary>
    public bool TryAdd(TKey key, TValue value, long bytes, List<TKey>? evicted)
    {
        if (bytes > maxBytes / ShortShare) return false;
        if (_entries.TryGetValue(key, out var entry))
        {
            if (!entry.IsEmpty) return false;
            (entry.Value, entry.Bytes, entry.IsEmpty) = (value, bytes, false);
            Count(entry, bytes);
        }
        else
        {
            entry = new Entry { Value = value, Bytes = bytes };
            _entries.Add(key, entry);
            if (_ghosts.Remove(key)) EnterLong(key, entry);
            else
            {
                _short.Enqueue(key);
                _shortBytes += bytes;
            }
        }

        while (Bytes > maxBytes) Evict(evicted);
        return true;
    }

    /// <summary>
    /// The content of an entry turned out not to be there: it is not, until it is added again. Its place in the queue stays.
    /// </summary>
    public void Empty(TKey key)
    {
        if (!_entries.TryGetValue(key, out var entry) || entry.IsEmpty) return;
        Count(entry, -entry.Bytes);
        (entry.Bytes, entry.Hits, entry.Value, entry.IsEmpty) = (0, 0, default, true);
    }

    private void Count(Entry entry, long bytes)
    {
        if (entry.IsLong) _longBytes += bytes;
        else _shortBytes += bytes;
    }

    private void EnterLong(TKey key, Entry entry)
    {
        entry.IsLong = true;
        _long.Enqueue(key);
        _longBytes += entry.Bytes;
    }

    private void Evict(List<TKey>? evicted)
    {
        if (_short.Count > 0 && (_shortBytes > maxBytes / ShortShare || _long.Count == 0)) EvictShort(evicted);
        else EvictLong(evicted);
    }

    private void EvictShort(List<TKey>? evicted)
    {
        var key = _short.Dequeue();
        var entry = _entries[key];
        _shortBytes -= entry.Bytes;
        if (entry.Hits > 0)
        {
            entry.Hits = 0;
            EnterLong(key, entry);
            return;
        }

        Leave(key, evicted);
        if (_ghosts.Add(key)) _ghostOrder.Enqueue(key);
        // As many as there are entries, so that one has as long to come back as the cache is deep.
        while (_ghostOrder.Count > _entries.Count + 16) _ghosts.Remove(_ghostOrder.Dequeue());
    }

    private void EvictLong(List<TKey>? evicted)
    {
        while (true)
        {
            var key = _long.Dequeue();
            var entry = _entries[key];
            if (entry.Hits > 0)
            {
                entry.Hits--;
                _long.Enqueue(key);
                continue;
            }

            _longBytes -= entry.Bytes;
            Leave(key, evicted);
            return;
        }
    }

    private void Leave(TKey key, List<TKey>? evicted)
    {
        _entries.Remove(key);
        evicted?.Add(key);
    }

    private sealed class Entry
    {
        public TValue? Value { get; set; }
        public long Bytes { get; set; }
        public bool IsLong { get; set; }
        public bool IsEmpty { get; set; }
        public int Hits { get; set; }
    }
}
