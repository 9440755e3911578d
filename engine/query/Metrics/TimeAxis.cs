using System.Runtime.CompilerServices;

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

    /// <summary>
    /// Keeps those of the rows that start within the axis and, by their trace, are not left out, and writes their intervals. The
    /// result is how many.
    /// </summary>
    public int Select(ReadOnlySpan<ulong> starts, ReadOnlySpan<int> traces, ReadOnlySpan<bool> isLeftOut, Span<int> rows, Span<int> intervals)
    {
        var (lower, upper, step, perNano) = (_lower, _upper, StepNano, _perNano);
        var kept = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            var start = (long)starts[row];
            if (start <= lower || start > upper || !isLeftOut.IsEmpty && isLeftOut[traces[row]]) continue;
            rows[kept] = row;
            intervals[kept++] = Divide(start - lower - 1, step, perNano);
        }

        return kept;
    }

    /// <summary>The same of the first <paramref name="count"/> rows, which need not be written down before.</summary>
    public int SelectFirst(int count, ReadOnlySpan<ulong> starts, ReadOnlySpan<int> traces, ReadOnlySpan<bool> isLeftOut, Span<int> rows, Span<int> intervals)
    {
        var (lower, upper, step, perNano) = (_lower, _upper, StepNano, _perNano);
        starts = starts[..count];
        rows = rows[..count];
        intervals = intervals[..count];
        var kept = 0;
        for (var row = 0; row < starts.Length; row++)
        {
            var start = (long)starts[row];
            if (start <= lower || start > upper || !isLeftOut.IsEmpty && isLeftOut[traces[row]]) continue;
            rows[kept] = row;
            intervals[kept++] = Divide(start - lower - 1, step, perNano);
        }

        return kept;
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
