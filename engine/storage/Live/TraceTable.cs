using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Finds a trace of a live batch by its id: open addressing over indexes into <see cref="SpanBatch.TraceIds"/>. One thread
/// adds; others may look up at the same time (a grown table replaces the old one only when it is complete, and a slot is
/// written after the id it leads to).
/// </summary>
internal sealed class TraceTable(SpanBatch batch)
{
    private int[] _slots = new int[64];

    /// <summary>Index of the trace, added if it is new.</summary>
    public int GetOrAdd(TraceId id)
    {
        var slots = _slots;
        var mask = slots.Length - 1;
        var i = Slot(id) & mask;
        for (; slots[i] != 0; i = (i + 1) & mask)
            if (batch.TraceIds[slots[i] - 1] == id)
                return slots[i] - 1;

        var index = batch.TraceCount;
        GrowableArray.Reserve(ref batch.TraceIds, index + 1);
        batch.TraceIds[index] = id;
        batch.TraceCount = index + 1;
        Volatile.Write(ref slots[i], index + 1);
        if (batch.TraceCount * 2 > slots.Length) Rehash();
        return index;
    }

    /// <summary>Index of the trace, or -1.</summary>
    public int Find(TraceId id)
    {
        var slots = Volatile.Read(ref _slots);
        var mask = slots.Length - 1;
        for (var i = Slot(id) & mask; ; i = (i + 1) & mask)
        {
            var slot = Volatile.Read(ref slots[i]);
            if (slot == 0) return -1;
            if (batch.TraceIds[slot - 1] == id) return slot - 1;
        }
    }

    /// <summary>Forgets everything but the memory. Nobody may be reading.</summary>
    public void Clear() => Array.Clear(_slots);

    private static int Slot(TraceId id) => (int)KeyedHash.Of(id.High, id.Low);

    private void Rehash()
    {
        var grown = new int[(int)BitOperations.RoundUpToPowerOf2((uint)(_slots.Length * 2))];
        var mask = grown.Length - 1;
        for (var index = 0; index < batch.TraceCount; index++)
        {
            var i = Slot(batch.TraceIds[index]) & mask;
            while (grown[i] != 0) i = (i + 1) & mask;
            grown[i] = index + 1;
        }

        Volatile.Write(ref _slots, grown);
    }
}
