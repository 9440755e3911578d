using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The traces that pairs of blocks have in common: two blocks do not change, so what was found out by comparing all their ids holds as
/// long as both are there, and mostly it is "none". Bounded with all pairs together: the pair that nobody asked for the longest time goes
/// first, and is found out again. Thread safe.
/// </summary>
/// <param name="maxBytes">Of all pairs and their ids.</param>
public sealed class CommonTraces(long maxBytes)
{
    /// <summary>What a pair takes besides its ids: entries in the table, in the line and in the sets of both blocks, with room to grow.</summary>
    private const int PairBytes = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<(BlockId, BlockId), LinkedListNode<Pair>> _pairs = [];
    private readonly Dictionary<BlockId, HashSet<BlockId>> _others = []; // with whom a block has a pair
    private readonly LinkedList<Pair> _byUse = new();                    // the one to go first in front

    /// <summary>Bytes that the pairs take, at most those of the constructor.</summary>
    public long SizeBytes
    {
        get
        {
            lock (_lock) return field;
        }
        private set;
    }

    /// <summary>The ids that two blocks have in common, ascending; null if nobody found out, or they are not kept.</summary>
    public TraceId[]? Of(BlockId block, BlockId other)
    {
        lock (_lock)
        {
            if (!_pairs.TryGetValue(KeyOf(block, other), out var pair)) return null;
            _byUse.Remove(pair);
            _byUse.AddLast(pair);
            return pair.Value.Ids;
        }
    }

    /// <summary>Remembers them. They must not change any more. So many that hardly another pair had room are not kept.</summary>
    public void Keep(BlockId block, BlockId other, TraceId[] ids)
    {
        var pair = new Pair(KeyOf(block, other), ids);
        if (pair.SizeBytes > maxBytes / 8) return;
        lock (_lock)
        {
            if (_pairs.ContainsKey(pair.Key)) return;
            while (SizeBytes + pair.SizeBytes > maxBytes) Remove(_byUse.First!);
            _pairs.Add(pair.Key, _byUse.AddLast(pair));
            OthersOf(block).Add(other);
            OthersOf(other).Add(block);
            SizeBytes += pair.SizeBytes;
        }
    }

    /// <summary>Nobody reads the block any more: forgets its pairs.</summary>
    public void Remove(BlockId block)
    {
        lock (_lock)
        {
            if (!_others.TryGetValue(block, out var others)) return;
            foreach (var other in others.ToArray()) Remove(_pairs[KeyOf(block, other)]);
        }
    }

    // Under the lock.
    private void Remove(LinkedListNode<Pair> pair)
    {
        var (first, second) = pair.Value.Key;
        _byUse.Remove(pair);
        _pairs.Remove(pair.Value.Key);
        Forget(first, second);
        Forget(second, first);
        SizeBytes -= pair.Value.SizeBytes;
    }

    private void Forget(BlockId block, BlockId other)
    {
        var others = _others[block];
        others.Remove(other);
        if (others.Count == 0) _others.Remove(block);
    }

    private HashSet<BlockId> OthersOf(BlockId block)
    {
        if (!_others.TryGetValue(block, out var others)) _others.Add(block, others = []);
        return others;
    }

    // Whoever comes first.
    private static (BlockId, BlockId) KeyOf(BlockId block, BlockId other) => block.CompareTo(other) <= 0 ? (block, other) : (other, block);

    private readonly record struct Pair((BlockId, BlockId) Key, TraceId[] Ids)
    {
        public long SizeBytes => PairBytes + (long)Ids.Length * TraceId.SizeBytes;
    }
}
