using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>
/// The values of a key with their counts, in the order of their first appearance. A catalog is built anew for each block, from values whose
/// number is known before they come. Their memory is the process's pool's, so that a cut leaves none of it behind.
/// </summary>
internal sealed class CatalogValues
{
    private CountedValue[] _entries = [];

    // Place in _entries, plus 1: of a text by its code, of a number by its hash, at most half full.
    private int[] _placeOfText = [];
    private int[] _slots = [];
    private InternTable? _texts;

    public int Count { get; private set; }

    /// <summary>Good until the next value is added.</summary>
    public ReadOnlySpan<CountedValue> Entries => _entries.AsSpan(0, Count);

    public ReadOnlySpan<byte> TextOf(long bits) => _texts![(int)bits];

    /// <summary>Makes room for so many, if there are none yet.</summary>
    public void Reserve(int texts, int textBytes, int numbers)
    {
        if (Count > 0) return;
        PooledArray.Reserve(ref _entries, 0, texts + numbers);
        if (texts > 0)
        {
            _texts ??= new InternTable(texts + 1, textBytes, isRented: true);
            ReservePlaces(texts + 1); // and the empty text, which has a code though it may be no value
        }

        if (numbers > 0) RenewSlots(numbers);
    }

    /// <summary>Gives back the memory; nothing is asked of it any more.</summary>
    public void Release()
    {
        _texts?.Release();
        PooledArray.Return(ref _entries);
        PooledArray.Return(ref _placeOfText);
        PooledArray.Return(ref _slots);
        Count = 0;
    }

    /// <summary>The bits by which a text is counted, -1 if it has none yet.</summary>
    public int FindText(ReadOnlySpan<byte> text) => _texts?.TryFind(text) ?? -1;

    /// <summary>The same, made if there are none.</summary>
    public int InternText(ReadOnlySpan<byte> text) => (_texts ??= new InternTable(16, 256, isRented: true)).Intern(text);

    /// <summary>Counts a value that is there; false, with nothing done, if it is not.</summary>
    public bool TryCount(CatalogValueType type, long bits, long count)
    {
        var place = type == CatalogValueType.Text ? bits < _placeOfText.Length ? _placeOfText[bits] : 0
            : _slots.Length == 0 ? 0
            : _slots[SlotOf(type, bits)];
        if (place == 0) return false;
        _entries[place - 1].Count += count;
        return true;
    }

    /// <summary>Adds a value that is not there.</summary>
    public void Add(CatalogValueType type, long bits, long count)
    {
        PooledArray.Reserve(ref _entries, Count, Count + 1);
        _entries[Count++] = new CountedValue(type, bits) { Count = count };
        if (type == CatalogValueType.Text)
        {
            ReservePlaces((int)bits + 1);
            _placeOfText[bits] = Count;
            return;
        }

        if (Count * 2 > _slots.Length) Rehash();
        else _slots[SlotOf(type, bits)] = Count;
    }

    // Those that nothing was written to are 0.
    private void ReservePlaces(int count)
    {
        var used = _placeOfText.Length;
        if (count <= used) return;
        PooledArray.Reserve(ref _placeOfText, used, count);
        _placeOfText.AsSpan(used).Clear();
    }

    // The slot of the number, or the free one that it would take.
    private int SlotOf(CatalogValueType type, long bits)
    {
        var mask = _slots.Length - 1;
        var slot = (int)KeyedHash.Of((ulong)bits, (ulong)type) & mask;
        while (_slots[slot] != 0 && (_entries[_slots[slot] - 1].Bits != bits || _entries[_slots[slot] - 1].Type != type))
            slot = (slot + 1) & mask;
        return slot;
    }

    private void Rehash()
    {
        RenewSlots(Count);
        for (var place = 1; place <= Count; place++)
        {
            var entry = _entries[place - 1];
            if (entry.Type != CatalogValueType.Text) _slots[SlotOf(entry.Type, entry.Bits)] = place;
        }
    }

    private void RenewSlots(int count)
    {
        PooledArray.Return(ref _slots);
        _slots = PooledArray.RentZeros<int>((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, count * 2)));
    }
}

/// <summary>A value of a key.</summary>
/// <param name="Type">Of the value.</param>
/// <param name="Bits">Of a text what <see cref="CatalogValues.TextOf"/> takes; else the int, the double's bits, 0 or 1.</param>
internal record struct CountedValue(CatalogValueType Type, long Bits)
{
    /// <summary>How often.</summary>
    public long Count;
}
