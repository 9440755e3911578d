using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>The dictionary of one number column in one row group, in order of appearance: open addressing, half full.</summary>
internal sealed class NumberDictionary
{
    private int[] _slots = new int[64];
    private long[] _values = new long[32];

    public int Count { get; private set; }

    public ReadOnlySpan<long> Values => _values.AsSpan(0, Count);

    /// <summary>Dictionary index of the number, added if it is new.</summary>
    public int Index(long value)
    {
        var mask = _slots.Length - 1;
        for (var i = Slot(value) & mask; ; i = (i + 1) & mask)
        {
            var slot = _slots[i];
            if (slot == 0) return Add(value, i);
            if (_values[slot - 1] == value) return slot - 1;
        }
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    private static int Slot(long value) => (int)KeyedHash.Of((ulong)value);

    private int Add(long value, int slot)
    {
        GrowableArray.Reserve(ref _values, Count + 1);
        _values[Count] = value;
        _slots[slot] = ++Count;
        if (Count * 2 > _slots.Length) Rehash();
        return Count - 1;
    }

    private void Rehash()
    {
        _slots = new int[(int)BitOperations.RoundUpToPowerOf2((uint)(_slots.Length * 2))];
        var mask = _slots.Length - 1;
        for (var index = 0; index < Count; index++)
        {
            var i = Slot(_values[index]) & mask;
            while (_slots[i] != 0) i = (i + 1) & mask;
            _slots[i] = index + 1;
        }
    }
}
