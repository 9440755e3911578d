using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The dictionary of one number column in one row group, in order of appearance. Small numbers (status codes, ports, sizes)
/// are looked up by themselves, others by open addressing, half full.
/// </summary>
internal sealed class NumberDictionary
{
    /// <summary>
    /// Entries beyond which a dictionary is closed: further pages hold their values themselves. A dictionary is one page that
    /// every reader must load whole.
    /// </summary>
    public const int MaxEntries = 64 * 1024;

    /// <summary>Numbers from 0 to below this have a place of their own, once they have come; of a quarter of a megabyte at most.</summary>
    private const int MaxSmall = 64 * 1024;

    /// <summary>Numbers between asking for the memory of a look-up and the look-up.</summary>
    private const int Ahead = 8;

    // Index + 1, by the number; and by its hash.
    private int[] _small = [];
    private int[] _slots = new int[64];
    private int _slotCount;
    private long[] _values = new long[32];

    public int Count { get; private set; }

    /// <summary>It has more entries than a page of indexes may use.</summary>
    public bool IsClosed => Count > MaxEntries;

    public ReadOnlySpan<long> Values => _values.AsSpan(0, Count);

    /// <summary>Dictionary index of the number, added if it is new.</summary>
    public int Index(long value)
    {
        var index = Find(value, out var slot);
        return index >= 0 ? index : Add(value, slot);
    }

    /// <summary>The same of one after the other, but -1 for what is new once the dictionary is closed.</summary>
    public void IndexIfOpen(ReadOnlySpan<long> values, Span<int> indexes)
    {
        for (var i = 0; i < values.Length; i++)
        {
            // A number that comes for the first time ends a look-up where nothing foretells it, and with it what runs ahead.
            if (i + Ahead < values.Length) Prefetch(values[i + Ahead]);
            var index = Find(values[i], out var slot);
            indexes[i] = index >= 0 || IsClosed ? index : Add(values[i], slot);
        }
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        if (_slotCount > 0) Array.Clear(_slots);
        foreach (var value in Values)
            if ((ulong)value < (ulong)_small.Length)
                _small[value] = 0;
        Count = _slotCount = 0;
    }

    // -1 if it is not there; the slot that it would take, of a large number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(long value, out int slot)
    {
        slot = 0;
        if ((ulong)value < (ulong)_small.Length) return _small[value] - 1;
        return (ulong)value < MaxSmall ? -1 : FindLarge(value, out slot);
    }

    private unsafe void Prefetch(long value)
    {
        if (!Sse.IsSupported) return;
        if ((ulong)value < (ulong)_small.Length) Sse.Prefetch0(Unsafe.AsPointer(ref _small[value]));
        else if ((ulong)value >= MaxSmall) Sse.Prefetch0(Unsafe.AsPointer(ref _slots[Slot(value) & (_slots.Length - 1)]));
    }

    private int FindLarge(long value, out int slot)
    {
        var mask = _slots.Length - 1;
        for (slot = Slot(value) & mask; _slots[slot] != 0; slot = (slot + 1) & mask)
            if (_values[_slots[slot] - 1] == value)
                return _slots[slot] - 1;
        return -1;
    }

    private static int Slot(long value) => (int)KeyedHash.Of((ulong)value);

    private int Add(long value, int slot)
    {
        GrowableArray.Reserve(ref _values, Count + 1);
        _values[Count] = value;
        var place = ++Count;
        if ((ulong)value < MaxSmall)
        {
            if (value >= _small.Length) Array.Resize(ref _small, (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(64, value + 1)));
            _small[value] = place;
            return place - 1;
        }

        _slots[slot] = place;
        if (++_slotCount * 2 > _slots.Length) Rehash();
        return place - 1;
    }

    private void Rehash()
    {
        _slots = new int[_slots.Length * 2];
        var mask = _slots.Length - 1;
        for (var index = 0; index < Count; index++)
        {
            if ((ulong)_values[index] < MaxSmall) continue;
            var i = Slot(_values[index]) & mask;
            while (_slots[i] != 0) i = (i + 1) & mask;
            _slots[i] = index + 1;
        }
    }
}
