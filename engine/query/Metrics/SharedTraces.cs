using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// The traces that lie in more than one source, so that their spans cannot be counted where they are found: a span that a
/// client sent twice, or that is in live data and in a block, counts once, as everywhere.
/// <code>
/// 1  all live batches are one source. Of it a trace is shared if two of its spans have the same id and kind (a table of
///    64-bit fingerprints; a collision only makes a trace shared that need not be)
/// 2  a block holds each trace once and without duplicates, and its ids ascend: two blocks are compared by one pass over both
///    lists. A copy of a span has its start too, so only blocks whose times overlap are compared, in the order of their
///    starts, and a list is let go when no later block can overlap it
/// 3  live ids are sorted and compared with each block alike
/// </code>
/// Cost: 16 bytes and some 5 ns a trace for each block that overlaps another, once: later queries know what two blocks have in common
/// (<see cref="Storage.Blocks.CommonTraces"/>); nothing at all for the others. With nothing shared, which is the rule after compaction,
/// the scan counts spans where it finds them. Shared traces are put together whole by <see cref="Sources.TraceLoader"/>; there may be many at the seam of live data and the newest block, and few elsewhere.
/// </summary>
internal sealed class SharedTraces
{
    // With the number of the block by whose order they are looked up: 0 for those that are in live data only.
    private readonly Dictionary<TraceId, int> _ids = [];
    private TraceId[]? _sorted;

    public int Count => _ids.Count;

    /// <summary>Ascending.</summary>
    public TraceId[] Ids => _sorted ??= Sorted(_ids.Keys);

    /// <summary>The same, each with a number by which to bring them into the order of pages; see <see cref="WholeTraces"/>.</summary>
    public IEnumerable<(int Place, TraceId Id)> Places => _ids.Select(static shared => (shared.Value, shared.Key));

    /// <summary>
    /// Of the blocks in range. One whose ids cannot be read is left out: without them its spans cannot be told from copies. Of a
    /// <paramref name="slice"/> no others are looked at; null: all.
    /// </summary>
    public static SharedTraces Find(QueryBlocks blocks, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
    {
        var shared = new SharedTraces();
        var (liveIds, liveStart, liveEnd) = shared.AddLive(blocks.Sources.Live, slice, budget);
        var active = new List<IdsOfBlock>();
        var ordered = blocks.InRange.OrderBy(static block => block.Meta.EarliestSeconds).ToList();
        for (var i = 0; i < ordered.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var meta = ordered[i].Meta;
            active.RemoveAll(other => other.Block.Meta.LatestSeconds < meta.EarliestSeconds);
            var meetsLive = liveIds.Length > 0 && meta.Overlaps(liveStart, liveEnd);
            var isAlone = !meetsLive && active.Count == 0 && (i + 1 == ordered.Count || ordered[i + 1].Meta.EarliestSeconds > meta.LatestSeconds);
            if (isAlone) continue;
            var block = new IdsOfBlock(ordered[i], slice, budget, cancellation);
            if (meetsLive && block.Ids is { } ids) shared.Add(Common(liveIds, ids), 1 + block.Block.Number);
            foreach (var other in active) shared.Add(FindCommon(other, block, slice ?? TraceSlice.All), 1 + block.Block.Number);
            active.Add(block);
        }

        shared.AddHidden(blocks.Sources.Hidden.Where(id => slice is null || slice.Contains(id)));
        return shared;
    }

    public bool Contains(TraceId id) => _ids.ContainsKey(id);

    // They must not be counted where they are found either; put together, there is nothing of them.
    private void AddHidden(IEnumerable<TraceId> ids)
    {
        foreach (var id in ids) _ids.TryAdd(id, 0);
        _sorted = null;
    }

    /// <summary>Marks the batch's traces that are shared, beside those that <paramref name="others"/> marks; null if none is.</summary>
    public bool[]? MarksOf(SpanBatch batch, bool[]? others = null)
    {
        if (_ids.Count == 0) return others;
        var marks = (bool[]?)others?.Clone();
        if (batch.TraceStart.Length == 0)
        {
            // A moment later there may be more, which nobody reads.
            var traces = others?.Length ?? batch.TraceCount;
            for (var trace = 0; trace < traces; trace++)
                if (Contains(batch.TraceIds[trace]))
                    (marks ??= new bool[traces])[trace] = true;
            return marks;
        }

        // Of a block: ascending, as the shared ones are.
        if (batch.TraceCount == 0) return marks;
        var ids = Ids;
        var next = Array.BinarySearch(ids, batch.TraceIds[0]);
        if (next < 0) next = ~next;
        for (var trace = 0; trace < batch.TraceCount && next < ids.Length;)
        {
            var order = batch.TraceIds[trace].CompareTo(ids[next]);
            if (order == 0) (marks ??= new bool[batch.TraceCount])[trace] = true;
            if (order <= 0) trace++;
            else next++;
        }

        return marks;
    }

    /// <summary>The ids of a block, or those of them that are of a slice, read when somebody asks for them.</summary>
    private sealed class IdsOfBlock(QueryBlock block, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
    {
        private bool _isRead;

        public QueryBlock Block => block;

        /// <summary>Null if they cannot be read.</summary>
        public TraceId[]? Ids
        {
            get
            {
                if (_isRead) return field;
                _isRead = true;
                return field = TryRead();
            }
        }

        private TraceId[]? TryRead()
        {
            try
            {
                if (block.TryOpen() is not { } open) return null;
                List<int> rowGroups = [.. Enumerable.Range(0, open.RowGroupCount).Where(group => slice is null || slice.Meets(open.IdsOf(group)))];
                budget.Charge(rowGroups.Sum(open.RowCountOf) * TraceId.SizeBytes, "trace ids");
                var ids = open.ReadTraceIds(rowGroups, cancellation);
                return slice is null ? ids : ids[slice.RangeIn(ids)];
            }
            catch (BlockReadException e)
            {
                block.LeaveOut(e);
                return null;
            }
        }
    }

    // What two blocks have in common does not change.
    private static TraceId[] FindCommon(IdsOfBlock a, IdsOfBlock b, TraceSlice slice)
    {
        if (a.Block.KnownInCommonWith(b.Block, slice) is { } known) return known;
        if (a.Ids is not { } ids || b.Ids is not { } others) return [];
        var common = Common(ids, others);
        a.Block.KeepInCommonWith(b.Block, slice, common);
        return common;
    }

    // The ids of live traces, and the seconds between which their spans start.
    private (TraceId[] Ids, long StartSeconds, long EndSeconds) AddLive(IReadOnlyList<LiveBatchView> live, TraceSlice? slice, MemoryBudget budget)
    {
        if (live.Count == 0) return ([], 0, 0);
        List<(LiveBatchView View, bool[]? IsOutside)> marked = [.. live.Select(view => (view, slice?.MarkOutside(view.Columns, out _)))];
        var spans = marked.Sum(static one => CountSpans(one.View, one.IsOutside));
        budget.Charge(spans * 2 * sizeof(ulong), "fingerprints of live spans");
        var seen = new FingerprintSet(spans);
        var ids = new HashSet<TraceId>();
        var (first, last) = (ulong.MaxValue, 0UL);
        foreach (var (view, isOutside) in marked)
        {
            var batch = view.Columns;
            for (var row = 0; row < view.SpanCount; row++)
            {
                if (isOutside is not null && isOutside[batch.Trace[row]]) continue;
                ref readonly var trace = ref batch.TraceIds[batch.Trace[row]];
                if (!seen.Add(trace, batch.SpanId[row], batch.Kind[row])) _ids.TryAdd(trace, 0);
                first = Math.Min(first, batch.StartUnixNano[row]);
                last = Math.Max(last, batch.StartUnixNano[row]);
            }

            // The table of traces may be ahead of the spans that may be read; such a trace has none.
            var traces = isOutside?.Length ?? batch.TraceCount;
            for (var trace = 0; trace < traces; trace++)
                if (isOutside is null || !isOutside[trace])
                    ids.Add(batch.TraceIds[trace]);
        }

        if (first > last) return ([], 0, 0); // none of the spans is of the slice

        const ulong secondNano = 1_000_000_000;
        return (Sorted(ids), (long)(first / secondNano), (long)(last / secondNano));
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

    private void Add(TraceId[] ids, int place)
    {
        foreach (var id in ids) _ids[id] = place;
    }

    private static TraceId[] Common(TraceId[] a, TraceId[] b)
    {
        List<TraceId> common = [];
        for (int i = 0, j = 0; i < a.Length && j < b.Length;)
        {
            var order = a[i].CompareTo(b[j]);
            if (order == 0) common.Add(a[i]);
            if (order <= 0) i++;
            if (order >= 0) j++;
        }

        return [.. common];
    }

    private static TraceId[] Sorted(IEnumerable<TraceId> ids)
    {
        var sorted = ids.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
