using System.Numerics;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// Spans by (attribute, value, side) and interval; such a triple is an entry. Attributes may have a value of their own for each
/// span, and an axis thousands of intervals, so memory goes by what was counted:
/// <code>
/// an entry's first interval    in the entry itself: that is all of a value that one span, or the spans of one moment, have
/// the others                   in chunks of neighbouring intervals, which a hash table of (entry, chunk) finds; the entry knows the
///                              last one, in which the next span mostly is
/// </code>
/// A span has an attribute once, so the values add up to the spans that have it. Not thread safe.
/// </summary>
internal sealed class CompareCounts(int intervals, MemoryBudget budget)
{
    public const int Baseline = 0;
    public const int Selection = 1;

    private const int EntryBytes = 64;
    private const int EntriesOfPiece = 4096;

    // For each attribute, by value * 2 + side: number of the entry plus 1.
    private int[][] _entryOf = [];
    private readonly RentedPieces<Entry> _entries = new(EntriesOfPiece);
    private int _entryCount;

    // A pair's number is its chunk's.
    private readonly TupleTable _chunkOf = new(budget);
    private readonly CountChunks _chunks = new(budget);

    /// <summary>Adds spans of one value to a side at an interval.</summary>
    public void Add(int attribute, int value, int side, int interval, double count)
    {
        var number = NumberOf(attribute, value, side, interval);
        ref var entry = ref _entries[number];
        entry.Total += count;
        if (interval == entry.FirstInterval)
        {
            entry.FirstCount += count;
            return;
        }

        var (part, place) = Math.DivRem(interval, CountChunks.Length);
        if (part != entry.LastPart)
        {
            entry.LastChunk = _chunkOf.Intern(number, part);
            entry.LastPart = part;
        }

        _chunks.At(entry.LastChunk, place) += count;
    }

    /// <summary>Nothing is counted or asked for any more.</summary>
    public void Release()
    {
        _chunks.Release();
        _entries.Release();
        _entryCount = 0;
    }

    /// <summary>How many entries there are.</summary>
    public int EntryCount => _entryCount;

    /// <summary>An entry by its number: they are numbered from 0 on in the order of appearance.</summary>
    public CompareEntry this[int number]
    {
        get
        {
            ref var entry = ref _entries[number];
            return new CompareEntry(entry.Attribute, entry.Value, entry.Side, entry.Total);
        }
    }

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

    /// <summary>Calls back with the parts of each entry's counts: the entry's number, the entry, interval, count.</summary>
    public void ForEach(Action<int, CompareEntry, int, double> visit)
    {
        for (var number = 0; number < _entryCount; number++)
            visit(number, this[number], _entries[number].FirstInterval, _entries[number].FirstCount);
        for (var chunk = 0; chunk < _chunkOf.Count; chunk++)
        {
            var (number, part) = _chunkOf.Pairs[chunk];
            for (var place = 0; place < CountChunks.Length; place++)
                if (_chunks.At(chunk, place) is not 0 and var count)
                    visit(number, this[number], part * CountChunks.Length + place, count);
        }
    }

    /// <summary>
    /// Writes each entry with its first interval, and of its others chunk by chunk:
    /// <code>
    /// entries   attribute, value * 2 + side, interval, count
    /// chunks    entry, number of the chunk in time, a bit for each place that is not zero (the first the lowest), their counts
    /// </code>
    /// </summary>
    public void Write(PartWriter writer)
    {
        writer.Count(_entryCount);
        for (var number = 0; number < _entryCount; number++)
        {
            ref var entry = ref _entries[number];
            writer.Count(entry.Attribute);
            writer.Count(((ulong)entry.Value << 1) + (ulong)entry.Side);
            writer.Count(entry.FirstInterval);
            writer.Number(entry.FirstCount);
        }

        writer.Count(_chunkOf.Count);
        for (var chunk = 0; chunk < _chunkOf.Count; chunk++)
        {
            var (number, part) = _chunkOf.Pairs[chunk];
            writer.Count(number);
            writer.Count(part);
            var places = 0;
            for (var place = 0; place < CountChunks.Length; place++) places |= _chunks.At(chunk, place) != 0 ? 1 << place : 0;
            writer.Byte((byte)places);
            for (; places != 0; places &= places - 1) writer.Number(_chunks.At(chunk, BitOperations.TrailingZeroCount(places)));
        }
    }

    /// <summary>Reads them, where nothing was counted yet, of these attributes.</summary>
    public void Read(ref PartReader reader, CompareAttributes attributes)
    {
        const string what = "a value that is compared";
        var count = reader.CountOf(4, what);
        for (var number = 0; number < count; number++)
        {
            var attribute = reader.Within(0, attributes.Count - 1, what);
            var (value, side) = Math.DivRem(reader.Within(0, attributes.Values(attribute).Count * 2 - 1, what), 2);
            Add(attribute, value, side, reader.Within(0, intervals - 1, what), reader.Counted(what));
            if (_entryCount != number + 1) throw reader.Bad($"{what} for the second time");
        }

        for (var chunks = reader.CountOf(4, what); chunks > 0; chunks--)
        {
            var entry = this[reader.Within(0, _entryCount - 1, what)];
            var first = reader.Within(0, (intervals - 1) / CountChunks.Length, what) * CountChunks.Length;
            for (int places = reader.Byte(what); places != 0; places &= places - 1)
            {
                var interval = first + BitOperations.TrailingZeroCount(places);
                if (interval >= intervals) throw reader.Bad(what);
                Add(entry.Attribute, entry.Value, entry.Side, interval, reader.Counted(what));
            }
        }
    }

    private int NumberOf(int attribute, int value, int side, int interval)
    {
        var entries = _entryOf;
        var place = value * 2 + side;
        if ((uint)attribute < (uint)entries.Length && entries[attribute] is var numbers && (uint)place < (uint)numbers.Length
            && numbers[place] is not 0 and var known)
            return known - 1;
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
        if (_entryCount == _entries.PieceCount * EntriesOfPiece) _entries.AddPiece();
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
        public int LastPart = -1;
        public int LastChunk;
    }
}

/// <summary>A value of an attribute on one side, and how many spans have it.</summary>
internal readonly record struct CompareEntry(int Attribute, int Value, int Side, double Total);
