using System.Numerics;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The spans of live batches that are there more than once: what a client sent twice, and with a replication factor of 2 or 3 nearly all, because each node has
/// its copies. Of spans with the same trace, id and kind that are equal in all by which <see cref="OrderedTrace"/> tells duplicates apart the first one counts, and the others
/// are marked. A trace with two that are not equal is <see cref="Mixed"/>: it has to be brought together. Memory: 16 to 32 bytes a span.
/// </summary>
internal sealed class LiveCopies
{
    private readonly IReadOnlyList<LiveBatchView> _live;
    private readonly long[] _firstRows; // of each view, if all rows are numbered in their order
    private readonly int[][] _traces; // of each view: the number here of each of its traces, and one more; 0: not seen yet
    private readonly ulong[]?[] _marks;
    private readonly ulong[] _slots; // half a hash, and the number of the row that has it, and one more; 0: free
    private readonly Dictionary<TraceId, int> _numbers = [];
    private readonly List<SpanSetDigest> _digests = [];
    private readonly HashSet<int> _mixed = [];
    private readonly NameHashes _names = new();
    private int _lastView;

    private LiveCopies(IReadOnlyList<LiveBatchView> live, long spans)
    {
        _live = live;
        (_firstRows, _traces, _marks) = (new long[live.Count], new int[live.Count][], new ulong[live.Count][]);
        _slots = new ulong[live.Count == 0 ? 0 : BitOperations.RoundUpToPowerOf2((ulong)Math.Max(16, spans * 2))];
    }

    /// <summary>Of all traces that have spans, ascending.</summary>
    public TraceId[] Ids { get; private set; } = [];

    /// <summary>Those that are not only copies of each other.</summary>
    public IEnumerable<TraceId> Mixed => _numbers.Where(trace => _mixed.Contains(trace.Value)).Select(static trace => trace.Key);

    /// <summary>Unix seconds between which spans start. Without any, an interval that nothing meets.</summary>
    public (long First, long Last) StartSeconds { get; private set; } = (long.MaxValue, long.MinValue);

    /// <summary>Nobody has looked.</summary>
    public static LiveCopies None(IReadOnlyList<LiveBatchView> live) => new(live, 0);

    /// <summary>Of a <paramref name="slice"/> no other traces are looked at; null: all.</summary>
    public static LiveCopies Find(IReadOnlyList<LiveBatchView> live, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
    {
        List<(LiveBatchView View, bool[]? IsOutside)> marked = [.. live.Select(view => (view, slice?.MarkOutside(view.Columns, out _)))];
        var spans = marked.Sum(static one => CountSpans(one.View, one.IsOutside));
        budget.Charge(spans * 2 * sizeof(ulong), "fingerprints of live spans");
        var copies = new LiveCopies(live, spans);
        var firstRow = 0L;
        for (var number = 0; number < marked.Count; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            copies.Add(number, firstRow, marked[number].IsOutside);
            firstRow += live[number].SpanCount;
        }

        copies.Ids = [.. copies._numbers.Keys];
        Array.Sort(copies.Ids);
        return copies;
    }

    /// <summary>Bits of the rows of a view that are copies of others; null: none is.</summary>
    public ulong[]? MarksOf(int view) => _marks[view];

    /// <summary>What the trace has, copies left out.</summary>
    public SpanSetDigest DigestOf(TraceId id) => _digests[_numbers[id]];

    private void Add(int number, long firstRow, bool[]? isOutside)
    {
        var (batch, count) = (_live[number].Columns, _live[number].SpanCount);
        _firstRows[number] = firstRow;
        // There may be more traces a moment later, of which no span is read.
        _traces[number] = new int[Math.Min(batch.TraceCount, batch.TraceIds.Length)];
        _names.Begin(batch);
        var (first, last) = (ulong.MaxValue, 0UL);
        for (var row = 0; row < count; row++)
        {
            if (isOutside is not null && isOutside[batch.Trace[row]]) continue;
            var trace = NumberOf(number, batch, batch.Trace[row]);
            var digest = SpanSetDigest.Of(batch, row, _names.Of(row));
            if (Find(trace, batch, row, firstRow) is not { } earlier) CollectionsMarshal.AsSpan(_digests)[trace] += digest;
            else if (digest == SpanSetDigest.Of(earlier.Batch, earlier.Row, KeyedHash.Of64(earlier.Batch.Name[earlier.Row]))) (_marks[number] ??= new ulong[(count + 63) / 64])[row / 64] |= 1UL << row;
            else _mixed.Add(trace);
            first = Math.Min(first, batch.StartUnixNano[row]);
            last = Math.Max(last, batch.StartUnixNano[row]);
        }

        const ulong secondNano = 1_000_000_000;
        if (first <= last) StartSeconds = (Math.Min(StartSeconds.First, (long)(first / secondNano)), Math.Max(StartSeconds.Last, (long)(last / secondNano)));
    }

    private int NumberOf(int view, SpanBatch batch, int trace)
    {
        ref var known = ref _traces[view][trace];
        if (known > 0) return known - 1;
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, batch.TraceIds[trace], out var isThere);
        if (!isThere)
        {
            number = _digests.Count;
            _digests.Add(default);
        }

        known = number + 1;
        return number;
    }

    // The span of the same ids and kind that was there before; null, and from now on it is there, if there is none.
    private (SpanBatch Batch, int Row)? Find(int trace, SpanBatch batch, int row, long firstRow)
    {
        var (id, kind) = (batch.SpanId[row], batch.Kind[row]);
        var hash = KeyedHash.Of64((ulong)trace, id, kind);
        var mask = _slots.Length - 1;
        for (var slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            var there = _slots[slot];
            if (there == 0)
            {
                _slots[slot] = hash >> 32 << 32 | (uint)(firstRow + row + 1);
                return null;
            }

            if (there >> 32 != hash >> 32) continue;
            var (view, other) = PlaceOf((uint)there - 1);
            var found = _live[view].Columns;
            if (found.SpanId[other] == id && found.Kind[other] == kind && _traces[view][found.Trace[other]] == trace + 1) return (found, other);
        }
    }

    // Copies lie in the order of each other, so mostly in the view where the one before was.
    private (int View, int Row) PlaceOf(long row)
    {
        if (row < _firstRows[_lastView] || row - _firstRows[_lastView] >= _live[_lastView].SpanCount)
        {
            var (low, high) = (0, _live.Count - 1);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                // Of those to come nothing is known yet.
                if (_traces[middle] is null || _firstRows[middle] > row) high = middle - 1;
                else low = middle;
            }

            _lastView = low;
        }

        return (_lastView, (int)(row - _firstRows[_lastView]));
    }

    private static long CountSpans(LiveBatchView view, bool[]? isOutside)
    {
        if (isOutside is null) return view.SpanCount;
        var inside = 0;
        for (var row = 0; row < view.SpanCount; row++)
            if (!isOutside[view.Columns.Trace[row]])
                inside++;
        return inside;
    }
}
