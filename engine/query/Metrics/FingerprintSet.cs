using System.Numerics;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// A set of 64-bit fingerprints of spans: says "new" only of a span that is. Of 4 million spans two share one with a chance
/// below one in a million; whoever makes them collide on purpose makes queries over his own traces slower, not wrong.
/// </summary>
internal sealed class FingerprintSet
{
    private readonly ulong[] _slots;
    private readonly int _mask;

    public FingerprintSet(long count)
    {
        _slots = new ulong[BitOperations.RoundUpToPowerOf2((ulong)Math.Max(16, count * 2))];
        _mask = _slots.Length - 1;
    }

    /// <summary>False if a span of these ids may have been added before.</summary>
    public bool Add(TraceId trace, ulong spanId, byte kind)
    {
        var print = Mix(Mix(trace.High ^ 0x9E3779B97F4A7C15UL) ^ trace.Low);
        print = Mix(print ^ spanId) + kind * 0xD6E8FEB86659FD93UL;
        if (print == 0) print = 1;
        for (var slot = (int)(print >> 20) & _mask; ; slot = (slot + 1) & _mask)
        {
            if (_slots[slot] == print) return false;
            if (_slots[slot] != 0) continue;
            _slots[slot] = print;
            return true;
        }
    }

    private static ulong Mix(ulong x)
    {
        var high = Math.BigMul(x, 0xA0761D6478BD642FUL, out var low);
        return high ^ low;
    }
}
