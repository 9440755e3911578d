using System.Numerics;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Sorts the spans of a trace by their start. Few by comparison; many by the digits of what their starts lie above the first one (least
/// significant first, eleven bits each): ten thousand spans within seconds are three passes of some ten microseconds, where comparing takes
/// four tenths of a millisecond. What is in order already is left as it is. Equal starts are in any order. Keeps its memory.
/// </summary>
internal sealed class StartOrder
{
    /// <summary>Below it the counts of a pass cost more than comparing.</summary>
    private const int ManySpans = 1024;

    private const int DigitBits = 11;
    private const int Digits = 1 << DigitBits;

    private ulong[] _starts = [];
    private int[] _order = [];

    /// <summary>Sorts the first <paramref name="count"/> of both by the starts.</summary>
    public void Sort(ulong[] starts, int[] order, int count)
    {
        if (count < ManySpans)
        {
            Array.Sort(starts, order, 0, count);
            return;
        }

        var (first, last, isSorted) = Bounds(starts.AsSpan(0, count));
        if (isSorted) return;
        GrowableArray.Reserve(ref _starts, count);
        GrowableArray.Reserve(ref _order, count);
        var bits = 64 - BitOperations.LeadingZeroCount(last - first);
        var (from, to) = ((starts, order), (_starts, _order));
        for (var shift = 0; shift < bits; shift += DigitBits)
        {
            Pass(from, to, count, first, shift);
            (from, to) = (to, from);
        }

        if (from.starts == starts) return;
        _starts.AsSpan(0, count).CopyTo(starts);
        _order.AsSpan(0, count).CopyTo(order);
    }

    private static (ulong First, ulong Last, bool IsSorted) Bounds(ReadOnlySpan<ulong> starts)
    {
        ulong first = ulong.MaxValue, last = 0, before = 0;
        var isSorted = true;
        foreach (var start in starts)
        {
            first = Math.Min(first, start);
            last = Math.Max(last, start);
            isSorted &= start >= before;
            before = start;
        }

        return (first, last, isSorted);
    }

    private static void Pass((ulong[] Starts, int[] Order) from, (ulong[] Starts, int[] Order) to, int count, ulong first, int shift)
    {
        Span<int> next = stackalloc int[Digits];
        next.Clear();
        var source = from.Starts.AsSpan(0, count);
        foreach (var start in source) next[(int)((start - first) >> shift) & (Digits - 1)]++;
        var sum = 0;
        foreach (ref var at in next) (at, sum) = (sum, sum + at);
        for (var i = 0; i < source.Length; i++)
        {
            var place = next[(int)((source[i] - first) >> shift) & (Digits - 1)]++;
            to.Starts[place] = source[i];
            to.Order[place] = from.Order[i];
        }
    }
}
