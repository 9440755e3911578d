using System.Runtime.InteropServices;
using Tempo.Engine.Query.Metrics.Keys;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// Spans by (attribute, value, side) and interval; such a triple is an entry. Attributes may have a value of their own for each
/// span, so memory goes by what was counted:
/// <code>
/// an entry's first interval    in the entry itself: that is all of a value that one span, or the spans of one moment, have
/// the next few                 in a hash table of (entry, interval), for all entries
/// once it was counted often    in a row of all intervals, of its own
/// </code>
/// A span has an attribute once, so the values add up to the spans that have it. Not thread safe.
/// </summary>
internal sealed class CompareCounts(int intervals, MemoryBudget budget)
{
    public const int Baseline = 0;
    public const int Selection = 1;

    /// <summary>Counts from which an entry gets a row; below, it would be mostly zeros.</summary>
    private const double RowFrom = 16;

    private const int EntryBytes = 64;

    // For each attribute, by value * 2 + side: number of the entry plus 1.
    private int[][] _entryOf = [];
    private Entry[] _entries = new Entry[64];
    private int _entryCount;
    private readonly TupleTable _cells = new(budget);
    private readonly List<double> _counts = [];

    /// <summary>Adds spans of one value to a side at an interval.</summary>
    public void Add(int attribute, int value, int side, int interval, double count)
    {
        var number = NumberOf(attribute, value, side, interval);
        ref var entry = ref _entries[number];
        entry.Total += count;
        if (interval == entry.FirstInterval) entry.FirstCount += count;
        else if (entry.Row is { } row) row[interval] += count;
        else AddToMore(ref entry, number, interval, count);
    }

    /// <summary>All that was counted: attribute, value, side, total, in the order of appearance; the index is the entry's number.</summary>
    public IEnumerable<(int Attribute, int Value, int Side, double Total)> Entries => _entries.Take(_entryCount).Select(static e => (e.Attribute, e.Value, e.Side, e.Total));

    /// <summary>The counts by interval of the wanted entries, and of all values of each attribute on each side.</summary>
    public (Dictionary<int, double[]> OfEntries, Dictionary<(int Attribute, int Side), double[]> OfAttributes) Spread(HashSet<int> entries)
    {
        budget.Charge((long)entries.Count * intervals * sizeof(double), "series and intervals");
        var ofEntries = entries.ToDictionary(static entry => entry, _ => new double[intervals]);
        var ofAttributes = new Dictionary<(int Attribute, int Side), double[]>();
        ForEach((number, entry, interval, count) =>
        {
            if (ofEntries.TryGetValue(number, out var values)) values[interval] += count;
            if (!ofAttributes.TryGetValue((entry.Attribute, entry.Side), out var total))
            {
                budget.Charge(intervals * sizeof(double), "series and intervals");
                ofAttributes.Add((entry.Attribute, entry.Side), total = new double[intervals]);
            }

            total[interval] += count;
        });
        return (ofEntries, ofAttributes);
    }

    /// <summary>Calls back with the parts of each entry's counts: attribute, value, side, interval, count.</summary>
    public void ForEach(Action<int, int, int, int, double> visit) =>
        ForEach((_, entry, interval, count) => visit(entry.Attribute, entry.Value, entry.Side, interval, count));

    private void ForEach(Action<int, Entry, int, double> visit)
    {
        for (var number = 0; number < _entryCount; number++)
        {
            var entry = _entries[number];
            visit(number, entry, entry.FirstInterval, entry.FirstCount);
            for (var interval = 0; interval < entry.Row?.Length; interval++)
                if (entry.Row[interval] != 0)
                    visit(number, entry, interval, entry.Row[interval]);
        }

        for (var cell = 0; cell < _counts.Count; cell++)
        {
            var (number, interval) = _cells.Pairs[cell];
            visit(number, _entries[number], interval, _counts[cell]);
        }
    }

    private void AddToMore(ref Entry entry, int number, int interval, double count)
    {
        if (entry.Total >= RowFrom)
        {
            budget.Charge(intervals * sizeof(double), "series and intervals");
            entry.Row = new double[intervals];
            entry.Row[interval] += count;
            return;
        }

        var cell = _cells.Intern(number, interval);
        if (cell == _counts.Count) _counts.Add(0);
        CollectionsMarshal.AsSpan(_counts)[cell] += count;
    }

    private int NumberOf(int attribute, int value, int side, int interval)
    {
        var entries = _entryOf;
        var place = value * 2 + side;
        if ((uint)attribute < (uint)entries.Length && entries[attribute] is var numbers && (uint)place < (uint)numbers.Length && numbers[place] is not 0 and var known) return known - 1;
        return AddEntry(attribute, value, side, interval);
    }

    private int AddEntry(int attribute, int value, int side, int interval)
    {
        if (attribute >= _entryOf.Length)
        {
            var from = _entryOf.Length;
            Array.Resize(ref _entryOf, Math.Max(attribute + 1, from * 2));
            _entryOf.AsSpan(from).Fill([]);
        }

        var place = value * 2 + side;
        ref var numbers = ref _entryOf[attribute];
        if (place >= numbers.Length) Array.Resize(ref numbers, Math.Max(Math.Max(place + 1, 16), numbers.Length * 2));
        budget.Charge(EntryBytes, "values to compare");
        if (_entryCount == _entries.Length) Array.Resize(ref _entries, _entryCount * 2);
        _entries[_entryCount] = new Entry(attribute, value, side, interval);
        numbers[place] = ++_entryCount;
        return _entryCount - 1;
    }

    private struct Entry(int attribute, int value, int side, int firstInterval)
    {
        public readonly int Attribute = attribute;
        public readonly int Value = value;
        public readonly int Side = side;
        public readonly int FirstInterval = firstInterval;
        public double Total;
        public double FirstCount;
        public double[]? Row;
    }
}
