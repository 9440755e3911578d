using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// Knows the spans of the last while, so that one that a client sends again counts once. Two generations of 64-bit
/// fingerprints of (trace id, span id, kind): spans are looked for in both and put into the younger, and when that is
/// <see cref="Window"/> old the elder is forgotten. So a span is known for one to two windows.
/// <para>
/// At the bound (a generation is full before its time) the generations turn early: the window becomes shorter and is
/// counted in <see cref="ShortenedCount"/>; a span sent again after it counts twice, and none is ever left out for want
/// of room. With 64 bits a span that is new is taken for a known one with probability 2^-43 at most.
/// </para>
/// </summary>
internal sealed class DuplicateFilter(TimeSpan window, int maxBytes)
{
    private const int FirstSlots = 4096;

    /// <summary>More kinds than OTLP has; below the bits of a place.</summary>
    private const int KindMask = 0xFFFF;
    private readonly int _maxSlots = LargestPowerOf2(Math.Max(FirstSlots, maxBytes / 2 / sizeof(ulong)));
    private ulong[] _young = new ulong[FirstSlots];
    private ulong[] _old = [0];
    private int _count;
    private long _bornUnixMs;

    public TimeSpan Window { get; set; } = window;

    /// <summary>How often the generations turned before their time.</summary>
    public long ShortenedCount { get; private set; }

    public long SizeBytes => (_young.Length + _old.Length) * (long)sizeof(ulong);

    /// <summary>False if the span was seen within the window.</summary>
    public bool TryAdd(TraceId trace, ulong span, int kind, long nowUnixMs)
    {
        // 0 marks a free slot. The kind changes no bit that chooses the place, so that this is known without it.
        var mark = (KeyedHash.Of64(trace.High, trace.Low, span) ^ (uint)(kind & KindMask) << 1) | 1;
        if (nowUnixMs - _bornUnixMs >= Window.TotalMilliseconds) Turn(nowUnixMs);
        if (Contains(_old, mark) || !Put(_young, mark)) return false;
        if (++_count * 4L > _young.Length * 3L) Grow(nowUnixMs);
        return true;
    }

    /// <summary>Has the places of a span brought near, for a <see cref="TryAdd"/> that comes soon. From any thread.</summary>
    public unsafe void Prefetch(TraceId trace, ulong span)
    {
        if (!Sse.IsSupported) return;
        var hash = KeyedHash.Of64(trace.High, trace.Low, span);
        var (young, old) = (_young, _old);
        // A prefetch of an address that is no good any more, because the collector has moved the array, does nothing at all.
        Sse.Prefetch0(Unsafe.AsPointer(ref young[Index(hash, young.Length - 1)]));
        Sse.Prefetch0(Unsafe.AsPointer(ref old[Index(hash, old.Length - 1)]));
    }

    private void Grow(long nowUnixMs)
    {
        if (_young.Length >= _maxSlots)
        {
            ShortenedCount++;
            Turn(nowUnixMs);
            return;
        }

        var before = _young;
        _young = new ulong[before.Length * 2];
        foreach (var mark in before)
            if (mark != 0) Put(_young, mark);
    }

    // A generation that nobody filled is small again after two turns.
    private void Turn(long nowUnixMs)
    {
        var needed = Math.Max(FirstSlots, LargestPowerOf2(Math.Max(1, _count * 2)));
        var reusable = _old.Length == needed ? _old : null;
        _old = _young;
        if (reusable is not null) Array.Clear(reusable);
        _young = reusable ?? new ulong[needed];
        _count = 0;
        _bornUnixMs = nowUnixMs;
    }

    private static bool Contains(ulong[] slots, ulong mark)
    {
        var mask = slots.Length - 1;
        for (var i = Index(mark, mask); slots[i] != 0; i = (i + 1) & mask)
            if (slots[i] == mark) return true;
        return false;
    }

    private static bool Put(ulong[] slots, ulong mark)
    {
        var mask = slots.Length - 1;
        var i = Index(mark, mask);
        for (; slots[i] != 0; i = (i + 1) & mask)
            if (slots[i] == mark) return false;
        slots[i] = mark;
        return true;
    }

    private static int Index(ulong mark, int mask) => (int)(mark >> 20) & mask;

    private static int LargestPowerOf2(int value) => 1 << System.Numerics.BitOperations.Log2((uint)value);
}
