using System.Numerics;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>
/// Numbers pairs of numbers from 0 on, in the order of their appearance: so a group key of several values becomes one small
/// number, a pair at a time. Pairs that begin with 0 are looked up in an array, others in a hash table. Not thread safe.
/// </summary>
internal sealed class TupleTable(MemoryBudget budget)
{
    private const int EntryBytes = 32;

    private int[] _direct = new int[64];
    private ulong[] _slotKeys = new ulong[64];
    private int[] _slotNumbers = new int[64];
    private int _hashed;
    private ulong _lastKey = ulong.MaxValue;
    private int _lastNumber;

    public List<(int First, int Second)> Pairs { get; } = [];

    public int Count => Pairs.Count;

    public int Intern(int first, int second)
    {
        if (first == 0 && (uint)second < (uint)_direct.Length && _direct[second] is not 0 and var known) return known - 1;
        var key = (ulong)(uint)first << 32 | (uint)second;
        if (key == _lastKey) return _lastNumber;
        _lastNumber = first == 0 ? InternDirect(second) : InternHashed(key);
        _lastKey = key;
        return _lastNumber;
    }

    /// <summary>Numbers the pairs of 0 and each of these, in place.</summary>
    public void InternAll(Span<int> seconds)
    {
        var direct = _direct;
        foreach (ref var second in seconds)
        {
            var known = (uint)second < (uint)direct.Length ? direct[second] : 0;
            if (known == 0)
            {
                known = Intern(0, second) + 1;
                direct = _direct;
            }

            second = known - 1;
        }
    }

    /// <summary>Writes the pairs: how many, and the two numbers of each.</summary>
    public void Write(PartWriter writer)
    {
        writer.Count(Pairs.Count);
        foreach (var (first, second) in Pairs)
        {
            writer.Count(first);
            writer.Count(second);
        }
    }

    /// <summary>
    /// Reads them into a table that is empty. First numbers are below their count, second ones from the least to below theirs, and no pair
    /// comes twice.
    /// </summary>
    public void Read(ref PartReader reader, int firstCount, int secondLeast, int secondCount, string what)
    {
        var count = reader.CountOf(2, what);
        for (var i = 0; i < count; i++)
        {
            var first = reader.Within(0, firstCount - 1, what);
            if (Intern(first, reader.Within(secondLeast, secondCount - 1, what)) != i) throw reader.Bad($"{what} for the second time");
        }
    }

    private int InternDirect(int second)
    {
        if (second >= _direct.Length) Array.Resize(ref _direct, (int)BitOperations.RoundUpToPowerOf2((uint)second + 1));
        _direct[second] = Add(0, second) + 1;
        return _direct[second] - 1;
    }

    private int InternHashed(ulong key)
    {
        var mask = _slotKeys.Length - 1;
        var slot = Slot(key, mask);
        for (; _slotNumbers[slot] != 0; slot = (slot + 1) & mask)
            if (_slotKeys[slot] == key)
                return _slotNumbers[slot] - 1;
        var number = Add((int)(key >> 32), (int)(uint)key);
        _slotKeys[slot] = key;
        _slotNumbers[slot] = number + 1;
        if (++_hashed * 2 > _slotKeys.Length) Rehash();
        return number;
    }

    private int Add(int first, int second)
    {
        budget.Charge(EntryBytes, "series keys");
        Pairs.Add((first, second));
        return Pairs.Count - 1;
    }

    private void Rehash()
    {
        var (keys, numbers) = (_slotKeys, _slotNumbers);
        _slotKeys = new ulong[keys.Length * 2];
        _slotNumbers = new int[keys.Length * 2];
        var mask = _slotKeys.Length - 1;
        for (var i = 0; i < keys.Length; i++)
        {
            if (numbers[i] == 0) continue;
            var slot = Slot(keys[i], mask);
            while (_slotNumbers[slot] != 0) slot = (slot + 1) & mask;
            _slotKeys[slot] = keys[i];
            _slotNumbers[slot] = numbers[i];
        }
    }

    // Numbers are given out by us, so nobody can choose keys that collide.
    private static int Slot(ulong key, int mask) => (int)(key * 0x9E3779B97F4A7C15UL >> 32) & mask;
}
