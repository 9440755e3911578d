using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// What pairs of blocks have in common: two blocks do not change, so what was found out by comparing them holds as
/// long as both are there: mostly "none", and "nearly all" of two nodes that keep copies. Of a pair the ids between two are known, mostly
/// all; what is found out of those before or behind them is added. Bounded with all pairs together: the pair that nobody asked for the
/// longest time goes first, and is found out again. Thread safe.
/// </summary>
/// <param name="maxBytes">Of all pairs and their ids.</param>
public sealed class CommonTraces(long maxBytes)
{
    /// <summary>
    /// What a pair takes besides its ids: entries in the table, in the line and in the sets of both blocks, with room to grow.
    /// </summary>
    private const int PairBytes = 256 + 2 * TraceId.SizeBytes;

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

    /// <summary>
    /// The traces from <paramref name="first"/> to <paramref name="last"/>, both included, that two blocks have in common; null if nobody
    /// found out all of them, or they are not kept.
    /// </summary>
    public InCommon? Of(BlockId block, BlockId other, TraceId first, TraceId last)
    {
        lock (_lock)
        {
            if (!_pairs.TryGetValue(KeyOf(block, other), out var pair) || !pair.Value.Knows(first, last)) return null;
            _byUse.Remove(pair);
            _byUse.AddLast(pair);
            return pair.Value.Between(first, last);
        }
    }

    /// <summary>
    /// Remembers all of them from <paramref name="first"/> to <paramref name="last"/>, both included. They must not change any more. So
    /// many that hardly another pair had room are not kept.
    /// </summary>
    public void Keep(BlockId block, BlockId other, TraceId first, TraceId last, InCommon common)
    {
        var pair = new Pair(KeyOf(block, other), first, last, common);
        if (pair.SizeBytes > maxBytes / 8) return;
        lock (_lock)
        {
            if (_pairs.TryGetValue(pair.Key, out var known))
            {
                if (known.Value.Knows(first, last)) return;
                if (pair.Touches(known.Value) && pair.With(known.Value) is var both && both.SizeBytes <= maxBytes / 8) pair = both;
                Remove(known);
            }

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

    private readonly record struct Pair((BlockId, BlockId) Key, TraceId First, TraceId Last, InCommon Common)
    {
        public long SizeBytes => PairBytes + Common.SizeBytes;

        public bool Knows(TraceId first, TraceId last) => First.CompareTo(first) <= 0 && last.CompareTo(Last) <= 0;

        /// <summary>Nothing unknown lies between what both know.</summary>
        public bool Touches(in Pair other) => !IsBefore(other) && !other.IsBefore(this);

        /// <summary>What both know, if they touch.</summary>
        public Pair With(in Pair other)
        {
            var (isBefore, isBehind) = (other.First.CompareTo(First) < 0, other.Last.CompareTo(Last) > 0);
            var all = InCommon.Joined(
                isBefore ? other.Common.Before(First) : InCommon.None, Common, isBehind ? other.Common.Behind(Last) : InCommon.None);
            return new Pair(Key, isBefore ? other.First : First, isBehind ? other.Last : Last, all);
        }

        public InCommon Between(TraceId first, TraceId last) => first == First && last == Last ? Common : Common.Between(first, last);

        private bool IsBefore(in Pair other) => Last.CompareTo(other.First) < 0 && Last.Next != other.First;
    }
}
