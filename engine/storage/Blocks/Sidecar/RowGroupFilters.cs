using System.Buffers.Binary;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>What one row group has: hashes for its two filters, number ranges, and what goes on into the block's catalog.</summary>
internal sealed class RowGroupFilters
{
    private const double KeyBits = 17; // 1 in 1,000: a few dozen keys, asked first
    private const double ValueBits = 10; // 1 in 100: many values, and most of a sidecar

    private readonly SortedDictionary<ulong, (double Min, double Max)> _ranges = [];
    private ulong[] _keys = [];
    private int _keyCount;
    private ulong[] _values = [];
    private int _valueCount;
    private bool _isFull;
    private int[] _starts = [];
    private int[] _order = [];
    private FactPair[] _pairs = [];
    private readonly SplitBlockBloomBuilder _filter = new(SplitBlockSizing.MinSizeBytes);
    private readonly PriorityQueue<int, int> _top = new();
    private int[] _most = [];

    /// <summary>Takes the facts of one place; keys, texts and integers by their dictionaries.</summary>
    public void Add(
        CatalogBuilder catalog, CatalogScope scope, AttributeFacts facts, StringDictionary keys, StringDictionary texts,
        NumberDictionary ints)
    {
        GroupByKey(facts, ints);
        for (var key = 0; key < facts.KeyCount; key++)
            if (facts.OwnerCount(key) > 0)
                AddKey(catalog, scope, keys.Text(key), facts, key, texts);
        _isFull |= facts.IsFull;
    }

    /// <summary>The same for a place with one key.</summary>
    public void Add(
        CatalogBuilder catalog, CatalogScope scope, AttributeFacts facts, ReadOnlySpan<byte> key, StringDictionary texts,
        NumberDictionary? ints = null)
    {
        GroupByKey(facts, ints);
        if (facts.KeyCount > 0 && facts.OwnerCount(0) > 0) AddKey(catalog, scope, key, facts, 0, texts);
        _isFull |= facts.IsFull;
    }

    /// <summary>Good until the next filter is asked for.</summary>
    public ReadOnlyMemory<byte> KeyFilter() => Filter(_keys.AsSpan(0, _keyCount), KeyBits);

    /// <summary>Null if there are too many values. Good until the next filter is asked for.</summary>
    public ReadOnlyMemory<byte>? ValueFilter() => _isFull ? null : Filter(_values.AsSpan(0, _valueCount), ValueBits);

    public byte[] Ranges()
    {
        var section = new byte[_ranges.Count * SidecarFormat.RangeSizeBytes];
        var at = section.AsSpan();
        foreach (var (hash, (min, max)) in _ranges)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(at, hash);
            BinaryPrimitives.WriteDoubleLittleEndian(at[8..], min);
            BinaryPrimitives.WriteDoubleLittleEndian(at[16..], max);
            at = at[SidecarFormat.RangeSizeBytes..];
        }

        return section;
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        _keyCount = _valueCount = 0;
        _isFull = false;
        _ranges.Clear();
    }

    private ReadOnlyMemory<byte> Filter(ReadOnlySpan<ulong> hashes, double bits)
    {
        _filter.Clear(SplitBlockSizing.SizeBytesFor(hashes.Length, bits));
        _filter.AddRange(hashes);
        return _filter.BitSet;
    }

    // Pairs by key, by counting: _order holds them, those of key k at [_starts[k], _starts[k + 1]).
    private void GroupByKey(AttributeFacts facts, NumberDictionary? ints)
    {
        GrowableArray.Reserve(ref _starts, facts.KeyCount + 2);
        GrowableArray.Reserve(ref _order, facts.PairCount);
        _starts.AsSpan(0, facts.KeyCount + 2).Clear();
        var pairs = facts.Collect(ref _pairs, ints is null ? [] : ints.Values);
        foreach (ref readonly var pair in pairs) _starts[pair.Key + 2]++;
        for (var key = 2; key < facts.KeyCount + 2; key++) _starts[key] += _starts[key - 1];
        for (var i = 0; i < pairs.Length; i++) _order[_starts[pairs[i].Key + 1]++] = i;
    }

    private void AddKey(
        CatalogBuilder catalog, CatalogScope scope, ReadOnlySpan<byte> key, AttributeFacts facts, int number, StringDictionary texts)
    {
        var keyHash = SidecarHash.OfKey(scope, key);
        GrowableArray.Reserve(ref _keys, _keyCount + 1);
        _keys[_keyCount++] = keyHash;
        var listed = catalog.Find(scope, key);
        listed?.AddOwners(facts.Types(number), facts.OwnerCount(number));
        var pairs = _order.AsSpan(_starts[number].._starts[number + 1]);
        GrowableArray.Reserve(ref _values, _valueCount + pairs.Length);
        var range = (Min: double.PositiveInfinity, Max: double.NegativeInfinity);
        foreach (var i in pairs)
        {
            var hash = HashOf(keyHash, _pairs[i], texts, ref range);
            _values[_valueCount++] = hash;
            listed?.Sketch(hash);
        }

        Widen(keyHash, range);
        if (listed is not null) List(listed, facts, pairs, texts);
    }

    private static ulong HashOf(ulong keyHash, in FactPair pair, StringDictionary texts, ref (double Min, double Max) range)
    {
        switch (pair.Type)
        {
            case CatalogValueType.Text: return SidecarHash.OfText(keyHash, texts.Text((int)pair.Bits));
            case CatalogValueType.Bool: return SidecarHash.OfBool(keyHash, pair.Bits != 0);
        }

        var number = pair.Type == CatalogValueType.Int ? pair.Bits : BitConverter.Int64BitsToDouble(pair.Bits);
        if (!double.IsNaN(number)) range = (Math.Min(range.Min, number), Math.Max(range.Max, number));
        return SidecarHash.OfNumber(keyHash, number);
    }

    // A key may come from two places: a column of its own, and beside it what that cannot hold.
    private void Widen(ulong keyHash, (double Min, double Max) range)
    {
        if (range.Min > range.Max) return; // no numbers
        var (min, max) = _ranges.GetValueOrDefault(keyHash, range);
        _ranges[keyHash] = (Math.Min(min, range.Min), Math.Max(max, range.Max));
    }

    private void List(CatalogKey key, AttributeFacts facts, ReadOnlySpan<int> pairs, StringDictionary dictionary)
    {
        if (facts.IsFull) key.OmitValues();
        if (pairs.Length > CatalogKey.MaxValues)
        {
            key.OmitValues();
            pairs = MostFrequent(pairs);
        }

        Expect(key, pairs, dictionary);
        foreach (var i in pairs)
        {
            var pair = _pairs[i];
            if (pair.Type == CatalogValueType.Text) key.AddText(dictionary.Text((int)pair.Bits), pair.Count);
            else key.AddNumber(pair.Type, pair.Bits, pair.Count);
        }
    }

    private void Expect(CatalogKey key, ReadOnlySpan<int> pairs, StringDictionary dictionary)
    {
        var (texts, textBytes, numbers) = (0, 0, 0);
        foreach (var i in pairs)
        {
            if (_pairs[i].Type != CatalogValueType.Text) numbers++;
            else if (dictionary.Text((int)_pairs[i].Bits).Length is var length and <= CatalogKey.MaxTextBytes)
                (texts, textBytes) = (texts + 1, textBytes + length);
        }

        key.Expect(texts, textBytes, numbers);
    }

    // More than are listed at last: the most frequent ones of the block need not be those of each row group.
    private ReadOnlySpan<int> MostFrequent(ReadOnlySpan<int> pairs)
    {
        _top.Clear();
        foreach (var i in pairs)
        {
            if (_top.Count < 4 * CatalogKey.TopValues) _top.Enqueue(i, _pairs[i].Count);
            else _top.EnqueueDequeue(i, _pairs[i].Count);
        }

        GrowableArray.Reserve(ref _most, _top.Count);
        var count = 0;
        foreach (var (pair, _) in _top.UnorderedItems) _most[count++] = pair;
        var most = _most.AsSpan(0, count);
        most.Sort();
        return most;
    }
}
