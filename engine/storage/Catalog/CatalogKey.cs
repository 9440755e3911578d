using System.Numerics;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>
/// One key while a block's catalog is built: its values with their counts as long as they are few, the most frequent ones
/// when they are not, and a sketch of how many there are (HyperLogLog, 256 registers: ±6.5 %).
/// </summary>
internal sealed class CatalogKey(byte[] key, CatalogBudget budget)
{
    /// <summary>Values that are all listed; of a key with more only the most frequent are kept.</summary>
    public const int MaxValues = 2048;

    /// <summary>Values that are listed of a key with too many: what a user may want to be shown first.</summary>
    public const int TopValues = 100;

    /// <summary>Values remembered on the way to the most frequent ones; beyond, the rarest are forgotten.</summary>
    private const int MaxRemembered = 2 * MaxValues;

    /// <summary>A longer text is not listed.</summary>
    public const int MaxTextBytes = 1024;

    private const int RegisterBits = 8;
    private readonly byte[] _registers = new byte[1 << RegisterBits];
    private CatalogValues _values = new();

    public byte[] Key { get; } = key;
    public CatalogTypes Types { get; private set; }
    public long OwnerCount { get; private set; }

    /// <summary>Every value is remembered.</summary>
    public bool HasAllValues { get; private set; } = true;

    public void AddOwners(CatalogTypes types, long count)
    {
        Types |= types;
        OwnerCount += count;
    }

    /// <summary>Counts a value in the sketch; <paramref name="hash"/> is well mixed.</summary>
    public void Sketch(ulong hash)
    {
        ref var register = ref _registers[hash >> (64 - RegisterBits)];
        var rank = (byte)(BitOperations.LeadingZeroCount(hash << RegisterBits | 1) + 1);
        if (rank > register) register = rank;
    }

    /// <summary>There are values that are not handed in.</summary>
    public void OmitValues() => HasAllValues = false;

    /// <summary>So many are about to be added, at the most.</summary>
    public void Expect(int texts, int textBytes, int numbers)
    {
        if (!budget.IsEmpty) _values.Reserve(texts, textBytes, numbers);
    }

    /// <summary>Gives back the memory; nothing is asked of the key any more.</summary>
    public void Release() => _values.Release();

    public void AddText(ReadOnlySpan<byte> text, long count)
    {
        var code = text.Length > MaxTextBytes ? -1 : _values.FindText(text);
        if (code < 0 && (text.Length > MaxTextBytes || budget.IsEmpty)) HasAllValues = false;
        else Add(CatalogValueType.Text, code >= 0 ? code : _values.InternText(text), count);
    }

    public void AddNumber(CatalogValueType type, long bits, long count) => Add(type, bits, count);

    /// <summary>
    /// What is to be listed, most frequent first (ties in the order of the values' first appearance); texts by <see cref="TextOf"/>.
    /// </summary>
    /// <param name="memory">Where they go; grows.</param>
    public ReadOnlySpan<CountedValue> List(ref CountedValue[] memory)
    {
        if (memory.Length < _values.Count) memory = new CountedValue[Math.Max(MaxRemembered, _values.Count)];
        var listed = memory.AsSpan(0, _values.Count);
        _values.Entries.CopyTo(listed);
        listed.Sort(static (a, b) =>
            a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Type != b.Type ? a.Type.CompareTo(b.Type) : a.Bits.CompareTo(b.Bits));
        return HasAllValues ? listed : listed[..Math.Min(TopValues, listed.Length)];
    }

    public ReadOnlySpan<byte> TextOf(long bits) => _values.TextOf(bits);

    /// <summary>Different values: exact if all are remembered.</summary>
    public long EstimateDistinct()
    {
        if (HasAllValues) return _values.Count;
        const int m = 1 << RegisterBits;
        var sum = 0.0;
        var empty = 0;
        foreach (var register in _registers)
        {
            sum += Math.ScaleB(1, -register);
            if (register == 0) empty++;
        }

        var estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
        if (estimate <= 2.5 * m && empty > 0) estimate = m * Math.Log((double)m / empty);
        return Math.Max(_values.Count, (long)estimate);
    }

    private void Add(CatalogValueType type, long bits, long count)
    {
        if (_values.TryCount(type, bits, count)) return;
        if (!budget.TryTake())
        {
            HasAllValues = false;
            return;
        }

        _values.Add(type, bits, count);
        if (_values.Count > MaxValues) HasAllValues = false;
        if (_values.Count > MaxRemembered) ForgetRare();
    }

    // Keeps half of what may be listed in full, so that the next pruning is far away.
    private void ForgetRare()
    {
        var all = _values;
        CountedValue[] byCount = [.. all.Entries];
        byCount = [.. byCount.OrderByDescending(static value => value.Count).Take(MaxValues / 2)];
        budget.Return(all.Count - byCount.Length);
        _values = new CatalogValues();
        foreach (var value in byCount)
            _values.Add(
                value.Type, value.Type == CatalogValueType.Text ? _values.InternText(all.TextOf(value.Bits)) : value.Bits, value.Count);
        all.Release();
    }
}

/// <summary>Values that all keys of a catalog may remember together: some 100 bytes each, whatever the spans hold.</summary>
internal sealed class CatalogBudget
{
    private int _left = 256 * 1024;

    public bool IsEmpty => _left == 0;

    public bool TryTake()
    {
        if (_left == 0) return false;
        _left--;
        return true;
    }

    public void Return(int count) => _left += count;
}
