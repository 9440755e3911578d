using System.Runtime.CompilerServices;

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

    protected abstract void Resize(int cells);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count)
    {
        var capacity = Math.Max(count, (int)Math.Min(SeriesCapacity * 2L, Array.MaxLength / intervals));
        budget.Charge((long)(capacity - SeriesCapacity) * intervals * CellBytes, "series and intervals");
        if ((long)capacity * intervals > Array.MaxLength) throw new QueryException(QueryErrorKind.TooLarge, $"{count} series of {intervals} intervals are more than one array holds");
        Resize(capacity * intervals);
        SeriesCapacity = capacity;
    }
}
