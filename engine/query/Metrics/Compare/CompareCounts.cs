using System.Runtime.InteropServices;
using Tempo.Engine.Query.Metrics.Keys;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// Spans by (attribute, value, side) and interval. Sparse, because attributes may have a value of their own for each span:
/// memory by what was counted, not by values times intervals. Value 0 counts the spans that have the attribute at all.
/// </summary>
internal sealed class CompareCounts(MemoryBudget budget)
{
    public const int Baseline = 0;
    public const int Selection = 1;

    private readonly TupleTable _entries = new(budget);
    private readonly TupleTable _cells = new(budget);
    private readonly List<double> _totals = [];
    private readonly List<double> _counts = [];

    /// <summary>Adds spans of one value to a side at an interval.</summary>
    public void Add(int attribute, int value, int side, int interval, double count)
    {
        var entry = _entries.Intern(attribute, value * 2 + side);
        if (entry == _totals.Count) _totals.Add(0);
        CollectionsMarshal.AsSpan(_totals)[entry] += count;
        var cell = _cells.Intern(entry, interval);
        if (cell == _counts.Count) _counts.Add(0);
        CollectionsMarshal.AsSpan(_counts)[cell] += count;
    }

    /// <summary>All that was counted: attribute, value, side, total, in the order of appearance; the index is the entry's number.</summary>
    public IEnumerable<(int Attribute, int Value, int Side, double Total)> Entries =>
        _entries.Pairs.Select((pair, entry) => (pair.First, pair.Second / 2, pair.Second % 2, _totals[entry]));

    /// <summary>The counts by interval of the wanted entries.</summary>
    public Dictionary<int, double[]> Spread(HashSet<int> entries, int intervals)
    {
        budget.Charge((long)entries.Count * intervals * sizeof(double), "series and intervals");
        var spread = entries.ToDictionary(static entry => entry, _ => new double[intervals]);
        for (var cell = 0; cell < _counts.Count; cell++)
            if (spread.TryGetValue(_cells.Pairs[cell].First, out var values))
                values[_cells.Pairs[cell].Second] = _counts[cell];
        return spread;
    }

    /// <summary>Calls back for each count, with its attribute, value, side and interval.</summary>
    public void ForEach(Action<int, int, int, int, double> visit)
    {
        for (var cell = 0; cell < _counts.Count; cell++)
        {
            var (entry, interval) = _cells.Pairs[cell];
            var (attribute, value) = _entries.Pairs[entry];
            visit(attribute, value / 2, value % 2, interval, _counts[cell]);
        }
    }
}
