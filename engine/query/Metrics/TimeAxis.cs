using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tempo.Engine.Query.Kernels;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// The intervals of a metrics query. Interval i covers (first + (i - 1) * step, first + i * step], open on the left and closed
/// on the right, and is named by its end (specification TraceQL §6).
/// </summary>
internal sealed class TimeAxis
{
    private readonly long _lower;
    private readonly long _upper;
    private readonly double _perNano;

    /// <param name="firstEndUnixNano">End of the first interval.</param>
    /// <param name="stepNano">Length of each, at least 1.</param>
    /// <param name="count">Number of intervals, at least 1.</param>
    public TimeAxis(long firstEndUnixNano, long stepNano, int count)
    {
        FirstEndUnixNano = firstEndUnixNano;
        StepNano = stepNano;
        Count = count;
        _lower = firstEndUnixNano - stepNano;
        _upper = firstEndUnixNano + (count - 1L) * stepNano;
        _perNano = 1.0 / stepNano;
    }

    public long FirstEndUnixNano { get; }

    public long StepNano { get; }

    public int Count { get; }

    public double StepSeconds => StepNano / 1e9;

    /// <summary>Spans that start at or before this are not counted.</summary>
    public long LowerUnixNano => _lower;

    /// <summary>Spans that start after this are not counted.</summary>
    public long UpperUnixNano => _upper;

    public long EndMs(int interval) => (FirstEndUnixNano + interval * StepNano) / 1_000_000;

    /// <summary>The interval of a span that starts then, or -1.</summary>
    public int IndexOf(ulong startUnixNano)
    {
        // A start beyond 63 bits becomes negative, and is outside.
        var start = (long)startUnixNano;
        return start <= _lower || start > _upper ? -1 : Divide(start - _lower - 1, StepNano, _perNano);
    }

    /// <summary>Whether some time between these two, both included, lies within the axis. Beyond 63 bits is after all of it.</summary>
    public bool Overlaps(ulong firstUnixNano, ulong lastUnixNano) =>
        firstUnixNano <= (ulong)Math.Max(0, _upper) && (_lower < 0 || lastUnixNano > (ulong)_lower);

    /// <summary>Which starts an interval has: the first, and how many nanoseconds from there.</summary>
    public (ulong From, ulong Length) StartsOf(int interval) => ((ulong)(_lower + 1 + interval * StepNano), (ulong)StepNano);

    /// <summary>The interval of a start, and for one outside the first or the last.</summary>
    public int NearestTo(ulong startUnixNano) =>
        startUnixNano > long.MaxValue || (long)startUnixNano > _upper ? Count - 1 : Math.Max(0, IndexOf(startUnixNano));

    /// <summary>Does any start lie within the axis? Mostly the first one does.</summary>
    public bool HasAny(ReadOnlySpan<ulong> starts)
    {
        foreach (var start in starts)
            if (IndexOf(start) >= 0)
                return true;
        return false;
    }

    /// <summary>
    /// Keeps those of the rows that start within the axis and, by their trace, are not left out, and writes their intervals. The
    /// result is how many.
    /// </summary>
    public int Select(
        ReadOnlySpan<ulong> starts, ReadOnlySpan<int> traces, ReadOnlySpan<bool> isLeftOut, Span<int> rows, Span<int> intervals)
    {
        // Spans of a trace lie together and start close to each other: mostly in the interval of the one before.
        ulong from = 0, length = 0;
        var (interval, kept) = (-1, 0);
        for (var i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            if (starts[row] - from >= length && !TryFind(starts[row], ref from, ref length, ref interval)
                || !isLeftOut.IsEmpty && isLeftOut[traces[row]])
                continue;
            rows[kept] = row;
            intervals[kept++] = interval;
        }

        return kept;
    }

    /// <summary>The same of the first <paramref name="count"/> rows, which need not be written down before.</summary>
    public int SelectFirst(
        KernelKind kernel, int count, ReadOnlySpan<ulong> starts, ReadOnlySpan<int> traces, ReadOnlySpan<bool> isLeftOut, Span<int> rows,
        Span<int> intervals)
    {
        if (kernel != KernelKind.Scalar && isLeftOut.IsEmpty) return SelectFirstVector(starts[..count], rows[..count], intervals[..count]);
        ulong from = 0, length = 0;
        var (interval, kept) = (-1, 0);
        starts = starts[..count];
        rows = rows[..count];
        intervals = intervals[..count];
        for (var row = 0; row < starts.Length; row++)
        {
            if (starts[row] - from >= length && !TryFind(starts[row], ref from, ref length, ref interval)
                || !isLeftOut.IsEmpty && isLeftOut[traces[row]])
                continue;
            rows[kept] = row;
            intervals[kept++] = interval;
        }

        return kept;
    }

    // Eight at a time, which mostly share the interval of those before.
    private int SelectFirstVector(ReadOnlySpan<ulong> starts, Span<int> rows, Span<int> intervals)
    {
        const int Eight = 8;
        ulong from = 0, length = 0;
        var (interval, kept, row) = (-1, 0, 0);
        ref var start = ref MemoryMarshal.GetReference(starts);
        for (; row + Eight <= starts.Length; row += Eight)
        {
            if (Vector512.LessThanAll(Vector512.LoadUnsafe(ref start, (nuint)row) - Vector512.Create(from), Vector512.Create(length)))
            {
                // Room for eight is there: no more are kept than were looked at.
                (Vector256.Create(row) + Vector256<int>.Indices).CopyTo(rows[kept..]);
                Vector256.Create(interval).CopyTo(intervals[kept..]);
                kept += Eight;
                continue;
            }

            for (var i = row; i < row + Eight; i++) Keep(i, starts[i], rows, intervals);
        }

        for (; row < starts.Length; row++) Keep(row, starts[row], rows, intervals);
        return kept;

        void Keep(int number, ulong at, Span<int> rows, Span<int> intervals)
        {
            if (at - from >= length && !TryFind(at, ref from, ref length, ref interval)) return;
            rows[kept] = number;
            intervals[kept++] = interval;
        }
    }

    // The interval of a start, and which starts share it; false, with the ones before as they were, for one outside.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryFind(ulong startUnixNano, ref ulong from, ref ulong length, ref int interval)
    {
        if (IndexOf(startUnixNano) is not (>= 0 and var found)) return false;
        interval = found;
        (from, length) = StartsOf(found);
        return true;
    }

    // A product instead of a 64-bit division; rounding can make it one too large or too small.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Divide(long offset, long step, double perNano)
    {
        var index = (long)(offset * perNano);
        var rest = offset - index * step;
        if (rest < 0) index--;
        else if (rest >= step) index++;
        return (int)index;
    }
}
