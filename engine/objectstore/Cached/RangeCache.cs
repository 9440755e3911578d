namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Parts of immutable objects in memory, up to a number of bytes; which ones stay is said by <see cref="EvictionQueues{TKey,TValue}"/>.
/// Readers have a part for as long as they like, whatever becomes of it here, so its memory is the collector's and no pool's.
/// Thread safe, one lock: a part is hundreds of kilobytes, and its alternative a request over the network.
/// </summary>
public sealed class RangeCache(long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly EvictionQueues<Part, ReadOnlyMemory<byte>> _parts = new(maxBytes);

    /// <summary>Bytes that are held.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock) return _parts.Bytes;
        }
    }

    public long Hits { get; private set; }
    public long Misses { get; private set; }

    /// <summary>Part of an object: the chunk of this number. Which bytes those are is the user's rule.</summary>
    public readonly record struct Part(ObjectKey Object, long Chunk);

    /// <summary>The part, or null.</summary>
    public ReadOnlyMemory<byte>? TryGet(Part part)
    {
        lock (_lock)
        {
            if (_parts.TryGet(part, out var bytes))
            {
                Hits++;
                return bytes;
            }

            Misses++;
            return null;
        }
    }

    /// <summary>
    /// Keeps a part, which nobody writes to from now on, and which is all of its array or nearly so. One that is there already stays.
    /// </summary>
    public void Put(Part part, ReadOnlyMemory<byte> bytes)
    {
        lock (_lock) _parts.TryAdd(part, bytes, bytes.Length, evicted: null);
    }
}
