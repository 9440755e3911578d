namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// The intervals of a metrics query. Interval i covers (first + (i - 1) * step, first + i * step], open on the left and closed
/// on the right, and is named by its end (specification TraceQL §6).
/// </summary>
internal sealed class TimeAxis
{
    private readonly long _lower;
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
        _perNano = 1.0 / stepNano;
    }

    public long FirstEndUnixNano { get; }

    public long StepNano { get; }

    public int Count { get; }

    public double StepSeconds => StepNano / 1e9;

    /// <summary>Spans that start at or before this are not counted.</summary>
    public long LowerUnixNano => _lower;

    /// <summary>Spans that start after this are not counted.</summary>
    public long UpperUnixNano => FirstEndUnixNano + (Count - 1L) * StepNano;

    public long EndMs(int interval) => (FirstEndUnixNano + interval * StepNano) / 1_000_000;

    /// <summary>The interval of a span that starts then, or -1.</summary>
    public int IndexOf(ulong startUnixNano)
    {
        // A start beyond 63 bits becomes negative, and is outside.
        var offset = (long)startUnixNano - _lower - 1;
        if ((long)startUnixNano <= _lower || (long)startUnixNano > UpperUnixNano) return -1;

        // A product instead of a 64-bit division; rounding can make it one too large or too small.
        var index = (long)(offset * _perNano);
        var rest = offset - index * StepNano;
        if (rest < 0) index--;
        else if (rest >= StepNano) index++;
        return (int)index;
    }
}
