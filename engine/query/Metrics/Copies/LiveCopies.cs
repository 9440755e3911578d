using System.Numerics;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The spans of live batches that are there more than once: what a client sent twice, and with a replication factor of 2 or 3 nearly all,
/// because each node has its copies. Of spans with the same trace, id and kind that are copies (<see cref="OrderedTrace.AreCopies"/>) the
/// first one counts, and the others are marked. A trace with two that are not is <see cref="Mixed"/>: it has to be brought together.
/// Memory: 16 to 32 bytes a span, some 100 a trace.
/// </summary>
internal sealed class LiveCopies
{
    private const int BytesPerTrace = 100;

    private readonly IReadOnlyList<LiveBatchView> _live;
    private readonly long[] _firstRows; // by view: the number of its first row, if all rows are counted in their order
    private readonly int[][] _traces;   // by view and the view's trace number: the trace's number here, plus 1; 0: not met yet
    private readonly ulong[]?[] _marks;
    private readonly ulong[] _slots;    // upper half: of the hash; lower half: number of the row, plus 1; 0: free
    private readonly Dictionary<TraceId, int> _numbers = [];
    private readonly List<TraceId> _ids = [];             // by their numbers
    private readonly List<SpanSetDigest> _digests = [];   // alike
    private readonly HashSet<TraceId> _mixed = [];
    private readonly NameHashes _names = new(KeyedHash.Of64);
    private int _lastView;

    private LiveCopies(IReadOnlyList<LiveBatchView> live, long slots)
    {
        (_live, _slots) = (live, new ulong[slots]);
        (_firstRows, _traces, _marks) = (new long[live.Count], new int[live.Count][], new ulong[live.Count][]);
        for (var view = 1; view < live.Count; view++) _firstRows[view] = _firstRows[view - 1] + live[view - 1].SpanCount;
    }

    /// <summary>Of all traces that have spans, ascending.</summary>
    public TraceId[] Ids { get; private set; } = [];

    /// <summary>What each of them has, copies left out.</summary>
    public SpanSetDigest[] Digests { get; private set; } = [];

    /// <summary>Those of which not all spans of the same id and kind are copies of each other.</summary>
    public IReadOnlyCollection<TraceId> Mixed => _mixed;

    /// <summary>Unix seconds between which spans start. Without any, an interval that nothing meets.</summary>
    public (long First, long Last) StartSeconds { get; private set; } = (long.MaxValue, long.MinValue);

    /// <summary>Of a <paramref name="slice"/> no other traces are looked at; null: all.</summary>
    public static LiveCopies Find(IReadOnlyList<LiveBatchView> live, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
    {
        List<(LiveBatchView View, bool[]? IsOutside)> marked = [.. live.Select(view => (view, slice?.MarkOutside(view.Columns, out _)))];
        var spans = marked.Sum(static one => CountSpans(one.View, one.IsOutside));
        var slots = spans == 0 ? 0 : (long)BitOperations.RoundUpToPowerOf2((ulong)spans * 2);
        budget.Charge(slots * sizeof(ulong), "fingerprints of live spans");
        var copies = new LiveCopies(live, slots);
        for (var view = 0; view < live.Count && spans > 0; view++)
        {
            cancellation.ThrowIfCancellationRequested();
            copies.Add(view, marked[view].IsOutside);
        }

        budget.Charge((long)copies._numbers.Count * BytesPerTrace, "ids of live traces");
        (copies.Ids, copies.Digests) = ([.. copies._ids], [.. copies._digests]);
        Array.Sort(copies.Ids, copies.Digests);
        return copies;
    }

    /// <summary>Bits of the rows of a view that are copies of others; null: none is.</summary>
    public ulong[]? MarksOf(int view) => _marks[view];

    private void Add(int view, bool[]? isOutside)
    {
        var (batch, count) = (_live[view].Columns, _live[view].SpanCount);
        // There may be more traces a moment later, of which no span is read.
        _traces[view] = new int[Math.Min(batch.TraceCount, batch.TraceIds.Length)];
        _names.Begin(batch);
        var (first, last) = (ulong.MaxValue, 0UL);
        for (var row = 0; row < count; row++)
        {
            if (isOutside is not null && isOutside[batch.Trace[row]]) continue;
            var trace = NumberOf(view, batch, batch.Trace[row]);
            ref var slot = ref SlotOf(trace, batch, row, out var hash);
            if (slot == 0) CollectionsMarshal.AsSpan(_digests)[trace] += SpanSetDigest.Of(batch, row, _names.Of(row));
            if (slot == 0 || IsKeptInPlaceOf(slot, view, row)) slot = hash | checked((uint)(_firstRows[view] + row + 1));
            first = Math.Min(first, batch.StartUnixNano[row]);
            last = Math.Max(last, batch.StartUnixNano[row]);
        }

        const ulong secondNano = 1_000_000_000;
        if (first <= last)
            StartSeconds =
                (Math.Min(StartSeconds.First, (long)(first / secondNano)), Math.Max(StartSeconds.Last, (long)(last / secondNano)));
    }

    private int NumberOf(int view, SpanBatch batch, int trace)
    {
        ref var known = ref _traces[view][trace];
        if (known > 0) return known - 1;
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, batch.TraceIds[trace], out var isThere);
        if (!isThere)
        {
            number = _ids.Count;
            _ids.Add(batch.TraceIds[trace]);
            _digests.Add(SpanSetDigest.Empty);
        }

        known = number + 1;
        return number;
    }

    // Where the span of the same trace, id and kind is noted, or a free one; with the half of the hash that belongs there.
    private ref ulong SlotOf(int trace, SpanBatch batch, int row, out ulong hash)
    {
        var (id, kind) = (batch.SpanId[row], batch.Kind[row]);
        hash = KeyedHash.Of64((ulong)trace, id, kind);
        var slot = (int)hash & (_slots.Length - 1);
        hash = hash >> 32 << 32;
        for (; _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
        {
            if (_slots[slot] >> 32 << 32 != hash) continue;
            var (view, other) = PlaceOf(_slots[slot]);
            var there = _live[view].Columns;
            if (there.SpanId[other] == id && there.Kind[other] == kind && _traces[view][there.Trace[other]] == trace + 1) break;
        }

        return ref _slots[slot];
    }

    // Of copies the one is kept that is also kept where the trace is put together: in the first batch, and there what came last.
    private bool IsKeptInPlaceOf(ulong slot, int view, int row)
    {
        var (earlier, earlierRow) = PlaceOf(slot);
        var batch = _live[view].Columns;
        if (!OrderedTrace.AreCopies(batch, row, _live[earlier].Columns, earlierRow))
        {
            _mixed.Add(batch.TraceIds[batch.Trace[row]]);
            return false;
        }

        var isKept = earlier == view;
        Bitmap.Set(_marks[view] ??= new ulong[Bitmap.WordCount(_live[view].SpanCount)], isKept ? earlierRow : row);
        return isKept;
    }

    private (int View, int Row) PlaceOf(ulong slot)
    {
        var row = (long)(uint)slot - 1;
        var view = ViewOf(row);
        return (view, (int)(row - _firstRows[view]));
    }

    // Copies lie in the order of each other, so mostly in the view where the one before was.
    private int ViewOf(long row)
    {
        if (row >= _firstRows[_lastView] && row - _firstRows[_lastView] < _live[_lastView].SpanCount) return _lastView;
        var (low, high) = (0, _live.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_firstRows[middle] > row) high = middle - 1;
            else low = middle;
        }

        return _lastView = low;
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
