using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// Counts, in one row group, which keys of one scope there are and which values each has. Keys, texts and most integers are
/// dictionary indexes, so that no text is hashed here:
/// <code>
/// text, integer      counted at its dictionary index, for the two keys it was first seen with: it rarely has more
/// bool               counted at its key
/// any other pair     open addressing over (key, type, bits)
/// </code>
/// Values come a page at a time: the look-ups of a page do not depend on each other, so the core waits for many at once.
/// </summary>
internal sealed class AttributeFacts
{
    /// <summary>
    /// Different pairs of a row group: 48 MiB. With more the row group gets no value filter (it would be of many megabytes) and
    /// its keys no full list of values.
    /// </summary>
    private const int MaxPairs = 2 << 20;

    private ValueFacts _texts = new();
    private ValueFacts _ints = new();
    private FactPair[] _others = [];
    private int _otherCount;
    private int[] _slots = new int[64];
    private KeyFact[] _keys = [];

    /// <summary>Different pairs of key and value.</summary>
    public int PairCount { get; private set; }

    public int KeyCount { get; private set; }

    /// <summary>There were more pairs than are kept.</summary>
    public bool IsFull { get; private set; }

    public long OwnerCount(int key) => _keys[key].OwnerCount;

    public CatalogTypes Types(int key) => _keys[key].Types;

    /// <summary>Owners have the key.</summary>
    public void AddKey(int key, CatalogTypes types, int ownerCount)
    {
        if (key >= KeyCount) ReserveKeys(key + 1);
        ref var fact = ref _keys[key];
        fact.OwnerCount += ownerCount;
        fact.Types |= types;
    }

    /// <summary>Counts an owner for each of the keys, which were added.</summary>
    public void AddOwners(ReadOnlySpan<int> keys)
    {
        var facts = _keys.AsSpan(0, KeyCount);
        foreach (var key in keys) facts[key].OwnerCount++;
    }

    /// <summary>Texts by dictionary index; the key of text i is that of attribute <paramref name="things"/>[i].</summary>
    public void AddTexts(ReadOnlySpan<int> keys, ReadOnlySpan<int> things, ReadOnlySpan<int> texts)
    {
        var known = _texts.Known;
        for (var i = 0; i < texts.Length; i++)
            if (!TryCount(known, texts[i], keys[things[i]]))
                known = Add(ref _texts, texts[i], keys[things[i]], CatalogValueType.Text, texts[i]);
    }

    /// <summary>Texts of one key.</summary>
    public void AddTexts(int key, ReadOnlySpan<int> texts)
    {
        var known = _texts.Known;
        foreach (var text in texts)
            if (!TryCount(known, text, key))
                known = Add(ref _texts, text, key, CatalogValueType.Text, text);
    }

    /// <summary>Integers with their dictionary indexes, -1 where they have none.</summary>
    public void AddInts(ReadOnlySpan<int> keys, ReadOnlySpan<int> things, ReadOnlySpan<int> indexes, ReadOnlySpan<long> values)
    {
        var known = _ints.Known;
        for (var i = 0; i < indexes.Length; i++)
            if (!TryCount(known, indexes[i], keys[things[i]]))
                known = Add(ref _ints, indexes[i], keys[things[i]], CatalogValueType.Int, values[i]);
    }

    /// <summary>Integers of one key.</summary>
    public void AddInts(int key, ReadOnlySpan<int> indexes, ReadOnlySpan<long> values)
    {
        var known = _ints.Known;
        for (var i = 0; i < indexes.Length; i++)
            if (!TryCount(known, indexes[i], key))
                known = Add(ref _ints, indexes[i], key, CatalogValueType.Int, values[i]);
    }

    /// <summary>A bool of a key that was added.</summary>
    public void AddBool(int key, bool value)
    {
        ref var count = ref value ? ref _keys[key].TrueCount : ref _keys[key].FalseCount;
        if (count > 0 || TryTakePair()) count++;
    }

    public void AddDouble(int key, long bits) => AddOther(key, CatalogValueType.Double, bits);

    private void AddOther(int key, CatalogValueType type, long bits)
    {
        var mask = _slots.Length - 1;
        for (var i = Slot(key, type, bits) & mask; ; i = (i + 1) & mask)
        {
            if (_slots[i] == 0)
            {
                AppendOther(key, type, bits, i);
                return;
            }

            ref var known = ref _others[_slots[i] - 1];
            if (known.Bits != bits || known.Key != key || known.Type != type) continue;
            known.Count++;
            return;
        }
    }

    /// <summary>All pairs, <see cref="PairCount"/> of them.</summary>
    /// <param name="pairs">Where they go; grows.</param>
    /// <param name="ints">The dictionary of the integers.</param>
    public ReadOnlySpan<FactPair> Collect(ref FactPair[] pairs, ReadOnlySpan<long> ints)
    {
        GrowableArray.Reserve(ref pairs, PairCount);
        var n = 0;
        for (var i = 0; i < _texts.Count; i++) n += _texts.Entries[i].CopyTo(pairs.AsSpan(n), CatalogValueType.Text, i);
        for (var i = 0; i < _ints.Count; i++) n += _ints.Entries[i].CopyTo(pairs.AsSpan(n), CatalogValueType.Int, ints[i]);
        for (var key = 0; key < KeyCount; key++)
        {
            if (_keys[key].FalseCount is > 0 and var falses) pairs[n++] = new FactPair(key, CatalogValueType.Bool, 0) { Count = falses };
            if (_keys[key].TrueCount is > 0 and var trues) pairs[n++] = new FactPair(key, CatalogValueType.Bool, 1) { Count = trues };
        }

        _others.AsSpan(0, _otherCount).CopyTo(pairs.AsSpan(n));
        return pairs.AsSpan(0, PairCount);
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        if (_otherCount > 0) Array.Clear(_slots);
        _otherCount = KeyCount = PairCount = 0;
        _texts.Count = _ints.Count = 0;
        IsFull = false;
    }

    // Nearly all: the key that the value was first seen with.
    private static bool TryCount(Span<ValueFact> known, int index, int key)
    {
        if ((uint)index >= (uint)known.Length || known[index].FirstKeyPlusOne != key + 1) return false;
        known[index].FirstCount++;
        return true;
    }

    // Counts a pair that TryCount did not. Returns what is known of values from now on.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Span<ValueFact> Add(ref ValueFacts facts, int index, int key, CatalogValueType type, long bits)
    {
        if (index >= facts.Count) facts.Reserve(index + 1);
        if (index < 0 || !TryCountOther(ref facts.Entries[index], key)) AddOther(key, type, bits);
        return facts.Known;
    }

    // False if the value belongs to other keys.
    private bool TryCountOther(ref ValueFact fact, int key)
    {
        if (fact.FirstKeyPlusOne == 0)
        {
            if (TryTakePair()) fact = new ValueFact { FirstKeyPlusOne = key + 1, FirstCount = 1 };
            return true;
        }

        if (fact.SecondKeyPlusOne == 0)
        {
            if (!TryTakePair()) return true;
            fact.SecondKeyPlusOne = key + 1;
        }

        if (fact.SecondKeyPlusOne != key + 1) return false;
        fact.SecondCount++;
        return true;
    }

    private bool TryTakePair()
    {
        if (PairCount == MaxPairs)
        {
            IsFull = true;
            return false;
        }

        PairCount++;
        return true;
    }

    private void AppendOther(int key, CatalogValueType type, long bits, int slot)
    {
        if (!TryTakePair()) return;
        GrowableArray.Reserve(ref _others, _otherCount + 1);
        _others[_otherCount] = new FactPair(key, type, bits) { Count = 1 };
        _slots[slot] = ++_otherCount;
        if (_otherCount * 2 > _slots.Length) Rehash();
    }

    private static int Slot(int key, CatalogValueType type, long bits) =>
        (int)KeyedHash.Of((ulong)bits, (ulong)(uint)key << 2 | (uint)type);

    private void Rehash()
    {
        _slots = new int[_slots.Length * 2];
        var mask = _slots.Length - 1;
        for (var pair = 0; pair < _otherCount; pair++)
        {
            var i = Slot(_others[pair].Key, _others[pair].Type, _others[pair].Bits) & mask;
            while (_slots[i] != 0) i = (i + 1) & mask;
            _slots[i] = pair + 1;
        }
    }

    private void ReserveKeys(int count)
    {
        GrowableArray.Reserve(ref _keys, count);
        _keys.AsSpan(KeyCount, count - KeyCount).Clear();
        KeyCount = count;
    }

    private struct KeyFact
    {
        public long OwnerCount;
        public int FalseCount;
        public int TrueCount;
        public CatalogTypes Types;
    }

    /// <summary>A value's first two keys, and how often they have it.</summary>
    private struct ValueFact
    {
        public int FirstKeyPlusOne;
        public int FirstCount;
        public int SecondKeyPlusOne;
        public int SecondCount;

        public readonly int CopyTo(Span<FactPair> pairs, CatalogValueType type, long bits)
        {
            if (FirstKeyPlusOne == 0) return 0;
            pairs[0] = new FactPair(FirstKeyPlusOne - 1, type, bits) { Count = FirstCount };
            if (SecondKeyPlusOne == 0) return 1;
            pairs[1] = new FactPair(SecondKeyPlusOne - 1, type, bits) { Count = SecondCount };
            return 2;
        }
    }

    /// <summary>By dictionary index.</summary>
    private struct ValueFacts()
    {
        public ValueFact[] Entries = [];
        public int Count;

        public readonly Span<ValueFact> Known => Entries.AsSpan(0, Count);

        public void Reserve(int count)
        {
            GrowableArray.Reserve(ref Entries, count);
            Entries.AsSpan(Count, count - Count).Clear();
            Count = count;
        }
    }
}

/// <summary>A key with one of its values.</summary>
/// <param name="Key">Number of the key.</param>
/// <param name="Type">Of the value.</param>
/// <param name="Bits">Dictionary index of the text, the int, the double's bits, 0 or 1.</param>
internal record struct FactPair(int Key, CatalogValueType Type, long Bits)
{
    /// <summary>How often.</summary>
    public int Count;
}
