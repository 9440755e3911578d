using System.Runtime.CompilerServices;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Cells;

/// <summary>
/// What a metrics function keeps for each series and interval, in flat arrays: series s, interval i at s * intervals + i. Grows
/// by whole series; charged to the budget before it is allocated. Not thread safe.
/// </summary>
internal abstract class CellArray(int intervals, MemoryBudget budget)
{
    protected int Intervals => intervals;

    protected int SeriesCapacity { get; private set; }

    /// <summary>Bytes of one cell.</summary>
    protected abstract int CellBytes { get; }

    /// <summary>Makes room for series below <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Reserve(int count)
    {
        if (count > SeriesCapacity) Grow(count);
    }

    /// <summary>Adds spans; values and weights as the function needs them (else empty). Room was made before.</summary>
    public abstract void Add(ReadOnlySpan<int> series, ReadOnlySpan<int> cells, ReadOnlySpan<double> values, ReadOnlySpan<double> weights);

    /// <summary>Adds a series of another array of the same type.</summary>
    public abstract void AddSeries(CellArray other, int from, int to);

    /// <summary>The value of a cell; NaN where there is none.</summary>
    public abstract double Value(int series, int interval);

    /// <summary>
    /// Writes the first series: of each how many cells are empty, how many follow that are not, and these, as often as it takes.
    /// </summary>
    public void Write(PartWriter writer, int seriesCount)
    {
        for (var series = 0; series < seriesCount; series++)
        {
            var first = series * intervals;
            for (var i = 0; i < intervals;)
            {
                var from = i;
                if (series < SeriesCapacity) i += RunOf(first + i, intervals - i, isEmpty: true);
                else i = intervals;
                writer.Count(i - from);
                if (i == intervals) break;
                var end = i + RunOf(first + i, intervals - i, isEmpty: false);
                writer.Count(end - i);
                for (; i < end; i++) WriteCell(writer, first + i);
            }
        }
    }

    /// <summary>
    /// Reads them into an array without series. Room is made for a series when it has a cell: a damaged number must not make some.
    /// </summary>
    public void Read(ref PartReader reader, int seriesCount)
    {
        for (var series = 0; series < seriesCount; series++)
        {
            for (var i = 0; i < intervals;)
            {
                i += reader.Within(0, intervals - i, "empty intervals");
                if (i == intervals) break;
                var end = i + reader.Within(1, intervals - i, "intervals");
                Reserve(series + 1);
                for (; i < end; i++) ReadCell(ref reader, series * intervals + i);
            }
        }
    }

    /// <summary>Nothing was counted there.</summary>
    protected abstract bool IsEmpty(int cell);

    protected abstract void WriteCell(PartWriter writer, int cell);

    /// <summary>Reads a cell that is not empty; throws <see cref="MetricsPartException"/> if it is, or cannot be.</summary>
    protected abstract void ReadCell(ref PartReader reader, int cell);

    protected abstract void Resize(int cells);

    private int RunOf(int cell, int most, bool isEmpty)
    {
        var count = 0;
        while (count < most && IsEmpty(cell + count) == isEmpty) count++;
        return count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count)
    {
        var capacity = Math.Max(count, (int)Math.Min(SeriesCapacity * 2L, Array.MaxLength / intervals));
        budget.Charge((long)(capacity - SeriesCapacity) * intervals * CellBytes, "series and intervals");
        if ((long)capacity * intervals > Array.MaxLength)
            throw new QueryException(QueryErrorKind.TooLarge, $"{count} series of {intervals} intervals are more than one array holds");
        Resize(capacity * intervals);
        SeriesCapacity = capacity;
    }
}
