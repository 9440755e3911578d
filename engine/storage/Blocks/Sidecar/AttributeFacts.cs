using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// Counts, in one row group, which keys of one scope there are and which values each has. Keys and texts are dictionary
/// indexes, so that nothing is hashed as text here:
/// <code>
/// pair of a text     the last key that the text was seen with leads to it at once, which is nearly always the right one
/// any other pair     open addressing over (key, type, bits)
/// </code>
/// </summary>
internal sealed class AttributeFacts
{
    /// <summary>
    /// Different pairs of a row group: 48 MiB. With more the row group gets no value filter (it would be of many megabytes) and
    /// its keys no full list of values.
    /// </summary>
    private const int MaxPairs = 2 << 20;

    private int[] _pairOfText = [];
    private int _textCount;
    private int[] _slots = new int[64];
    private long[] _owners = [];
    private CatalogTypes[] _types = [];

    public FactPair[] Pairs = [];

    public int PairCount { get; private set; }

    public int KeyCount { get; private set; }

    /// <summary>There were more pairs than are kept.</summary>
    public bool IsFull { get; private set; }

    public long OwnerCount(int key) => _owners[key];

    public CatalogTypes Types(int key) => _types[key];

    /// <summary>An owner has the key.</summary>
    public void AddKey(int key, CatalogTypes types)
    {
        if (key >= KeyCount) ReserveKeys(key + 1);
        _owners[key]++;
        _types[key] |= types;
    }

    /// <summary>The key has this text, or an element of its array is it.</summary>
    public void AddText(int key, int text)
    {
        if (text >= _textCount) ReserveTexts(text + 1);
        ref var place = ref _pairOfText[text];
        if (place > 0 && Pairs[place - 1].Key == key)
        {
            Pairs[place - 1].Count++;
            return;
        }

        var pair = FindOrAdd(new FactPair(key, CatalogValueType.Text, text));
        if (pair >= 0) place = pair + 1;
    }

    public void AddNumber(int key, CatalogValueType type, long bits) => FindOrAdd(new FactPair(key, type, bits));

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        _textCount = KeyCount = PairCount = 0;
        IsFull = false;
    }

    private int FindOrAdd(FactPair pair)
    {
        var mask = _slots.Length - 1;
        for (var i = Slot(pair) & mask; ; i = (i + 1) & mask)
        {
            var slot = _slots[i];
            if (slot == 0) return Add(pair, i);
            ref var known = ref Pairs[slot - 1];
            if (known.Bits != pair.Bits || known.Key != pair.Key || known.Type != pair.Type) continue;
            known.Count++;
            return slot - 1;
        }
    }

    private int Add(FactPair pair, int slot)
    {
        if (PairCount == MaxPairs)
        {
            IsFull = true;
            return -1;
        }

        GrowableArray.Reserve(ref Pairs, PairCount + 1);
        Pairs[PairCount] = pair with { Count = 1 };
        _slots[slot] = ++PairCount;
        if (PairCount * 2 > _slots.Length) Rehash();
        return PairCount - 1;
    }

    private static int Slot(in FactPair pair) => (int)KeyedHash.Of((ulong)pair.Bits, (ulong)(uint)pair.Key << 2 | (uint)pair.Type);

    private void Rehash()
    {
        _slots = new int[(int)BitOperations.RoundUpToPowerOf2((uint)(_slots.Length * 2))];
        var mask = _slots.Length - 1;
        for (var pair = 0; pair < PairCount; pair++)
        {
            var i = Slot(Pairs[pair]) & mask;
            while (_slots[i] != 0) i = (i + 1) & mask;
            _slots[i] = pair + 1;
        }
    }

    private void ReserveKeys(int count)
    {
        GrowableArray.Reserve(ref _owners, count);
        GrowableArray.Reserve(ref _types, count);
        _owners.AsSpan(KeyCount, count - KeyCount).Clear();
        _types.AsSpan(KeyCount, count - KeyCount).Clear();
        KeyCount = count;
    }

    private void ReserveTexts(int count)
    {
        GrowableArray.Reserve(ref _pairOfText, count);
        _pairOfText.AsSpan(_textCount, count - _textCount).Clear();
        _textCount = count;
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
