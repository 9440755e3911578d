using System.Numerics;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary>One side of an edge that waits for the other; its labels lie in <see cref="WaitingSides"/>.</summary>
internal struct WaitingSide
{
    public TraceId TraceId;

    /// <summary>The client's span id: its own for a client, the parent's for a server.</summary>
    public ulong SpanId;
    public long SinceUnixMs;
    public double DurationSeconds;
    public ulong StartUnixNano;
    public ulong EndUnixNano;
    public double Weight;
    public bool IsClient;
    public bool IsFailed;
    public bool IsMessaging;

    /// <summary>A filter left it out: it has no labels, and its partner is not to be taken for one without a partner.</summary>
    public bool IsFiltered;
    internal int Older;
    internal int Newer;
}

/// <summary>
/// The sides of edges that wait, found by (trace id, client's span id), and in the order in which they came: a list through
/// the slots, so that what has waited long enough is at its head. Open addressing; a removal moves the rest of its run
/// back. Each slot keeps its bytes for the next side, so that a steady stream allocates nothing. At most
/// <paramref name="maxItems"/>. Not thread safe.
/// </summary>
internal sealed class WaitingSides(int maxItems)
{
    private const int None = -1;
    private WaitingSide[] _sides = new WaitingSide[64];
    private byte[][] _labels = new byte[64][];
    private int[] _labelsLength = new int[64];

    // Hash | slot + 1, 0 is free. The hash stands here, so that a look at the sides, which lie anywhere, is one at the side itself.
    private ulong[] _index = new ulong[128];
    private readonly Stack<int> _free = new();
    private int _made;
    private int _oldest = None;
    private int _newest = None;

    public int Count { get; private set; }

    /// <summary>The slot of a key; -1 if none waits.</summary>
    public int Find(TraceId trace, ulong span)
    {
        var (mask, hash) = (_index.Length - 1, Hash(trace, span));
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            var entry = _index[i];
            if (entry == 0) return None;
            if ((uint)(entry >> 32) != hash) continue;
            var slot = (int)(uint)entry - 1;
            if (_sides[slot].SpanId == span && _sides[slot].TraceId == trace) return slot;
        }
    }

    public ref WaitingSide this[int slot] => ref _sides[slot];

    public ReadOnlySpan<byte> Labels(int slot) => _labels[slot].AsSpan(0, _labelsLength[slot]);

    /// <summary>Adds a side that <see cref="Find"/> did not find; false if there is no room.</summary>
    public bool TryAdd(in WaitingSide side, ReadOnlySpan<byte> labels)
    {
        if (Count >= maxItems) return false;
        var slot = NewSlot();
        _sides[slot] = side;
        (_sides[slot].Older, _sides[slot].Newer) = (_newest, None);
        if (_newest != None) _sides[_newest].Newer = slot;
        else _oldest = slot;
        _newest = slot;
        SetLabels(slot, labels);
        if (++Count * 2 > _index.Length) Reindex(_index.Length * 2);
        else Insert(slot);
        return true;
    }

    /// <summary>Replaces what a slot holds and leaves its place in the line.</summary>
    public void Replace(int slot, in WaitingSide side, ReadOnlySpan<byte> labels)
    {
        var (older, newer, since) = (_sides[slot].Older, _sides[slot].Newer, _sides[slot].SinceUnixMs);
        _sides[slot] = side;
        (_sides[slot].Older, _sides[slot].Newer, _sides[slot].SinceUnixMs) = (older, newer, since);
        SetLabels(slot, labels);
    }

    /// <summary>The slot that has waited longest, if it came before the time; else -1.</summary>
    public int OldestBefore(long unixMs) => _oldest != None && _sides[_oldest].SinceUnixMs < unixMs ? _oldest : None;

    public void Remove(int slot)
    {
        var (older, newer) = (_sides[slot].Older, _sides[slot].Newer);
        if (older != None) _sides[older].Newer = newer;
        else _oldest = newer;
        if (newer != None) _sides[newer].Older = older;
        else _newest = older;
        RemoveFromIndex(slot);
        _free.Push(slot);
        Count--;
    }

    private int NewSlot()
    {
        if (_free.TryPop(out var slot)) return slot;
        if (_made == _sides.Length)
        {
            Array.Resize(ref _sides, _made * 2);
            Array.Resize(ref _labels, _made * 2);
            Array.Resize(ref _labelsLength, _made * 2);
        }

        _labels[_made] = [];
        return _made++;
    }

    private void SetLabels(int slot, ReadOnlySpan<byte> labels)
    {
        if (_labels[slot].Length < labels.Length) _labels[slot] = new byte[BitOperations.RoundUpToPowerOf2((uint)labels.Length)];
        labels.CopyTo(_labels[slot]);
        _labelsLength[slot] = labels.Length;
    }

    private static uint Hash(TraceId trace, ulong span) => (uint)KeyedHash.Of64(trace.High, trace.Low, span);

    private void Insert(int slot)
    {
        var mask = _index.Length - 1;
        var hash = Hash(_sides[slot].TraceId, _sides[slot].SpanId);
        var i = (int)hash & mask;
        while (_index[i] != 0) i = (i + 1) & mask;
        _index[i] = (ulong)hash << 32 | (uint)(slot + 1);
    }

    private void Reindex(int size)
    {
        _index = new ulong[size];
        for (var slot = _oldest; slot != None; slot = _sides[slot].Newer) Insert(slot);
    }

    private void RemoveFromIndex(int slot)
    {
        var mask = _index.Length - 1;
        var hole = (int)Hash(_sides[slot].TraceId, _sides[slot].SpanId) & mask;
        while ((uint)_index[hole] != (uint)(slot + 1)) hole = (hole + 1) & mask;
        for (var i = (hole + 1) & mask; _index[i] != 0; i = (i + 1) & mask)
        {
            var home = (int)(_index[i] >> 32) & mask;
            // It may move into the hole unless its home lies behind the hole, within the run.
            if (((i - home) & mask) < ((i - hole) & mask)) continue;
            _index[hole] = _index[i];
            hole = i;
        }

        _index[hole] = 0;
    }
}
