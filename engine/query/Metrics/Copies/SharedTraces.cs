using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The traces that lie in more than one source, so that their spans cannot all be counted where they are found: a span that a
/// client sent twice, that is in live data and in a block, or that several nodes have, counts once, as everywhere.
/// <code>
/// 1  all live batches are one source, of which copies of spans are left out (<see cref="LiveCopies"/>)
/// 2  two blocks are compared by one pass over both lists of ids. A copy of a span has its start too, so only blocks whose times
///    overlap are compared, in the order of their starts, and a list is let go when no later block can overlap it
/// 3  live ids are sorted and compared with each block alike
/// 4  of each trace that two sources have in common, the digests of its spans (<see cref="SpanSetDigest"/>) are compared. Equal: it counts
///    in
///    the first of the two, and is left out of the other. Different: it is put together whole by <see cref="TraceLoader"/>, and counts
/// nowhere else
/// </code>
/// Sources come in the order in which a trace is put together: live data at the place 0, then blocks, the newest first, at 1 and more.
/// Cost: 16 bytes and some 5 ns a trace for each block that overlaps another, and the digests of what two have in common; of two blocks
/// once, since later queries know (<see cref="CommonTraces"/>), of live data and a block each time. Nothing at all for the other blocks.
/// Where nothing is shared, which is the rule after compaction, the scan counts spans where it finds them. Few traces are put together:
/// those whose spans were spread differently over nodes or over cuts. Where a page that counts turns out to be damaged in the scan, the
/// answer lacks its spans though another source has them, and says that it is partial.
/// </summary>
internal sealed class SharedTraces
{
    /// <summary>What a trace costs here that two sources have in common: in lists and tables, while they grow.</summary>
    private const int BytesPerTrace = 64;

    // Those to be put together, with the place by which they are looked up in the order of pages.
    private readonly Dictionary<TraceId, int> _whole = [];

    // By place: traces of which a source before it has the same spans. One may stand twice, or be among the whole ones.
    private readonly Dictionary<int, List<TraceId>> _copies = [];
    private readonly LiveCopies? _live;

    // Ascending: all, those that are whole, and by place those that are not counted there.
    private TraceId[] _wholeIds = [];
    private readonly Dictionary<int, TraceId[]> _leftOut = [];

    private SharedTraces(LiveCopies? live) => _live = live;

    /// <summary>Nothing is shared.</summary>
    public static SharedTraces None { get; } = new(null);

    /// <summary>All, ascending.</summary>
    public TraceId[] Ids { get; private set; } = [];

    /// <summary>
    /// Those that are to be put together, each with a number by which to bring them into the order of pages; see <see cref="WholeTraces"/>.
    /// </summary>
    public IEnumerable<(int Place, TraceId Id)> Places => _whole.Select(static shared => (shared.Value, shared.Key));

    /// <summary>Block bytes that were read, by the rows' share of each column chunk.</summary>
    public ulong ReadBytes { get; private set; }

    /// <summary>
    /// Of the blocks in range. One whose ids cannot be read is left out: without them its spans cannot be told from copies. Of a
    /// slice no others are looked at.
    /// </summary>
    public static SharedTraces Find(QueryBlocks blocks, IWorkerSlots slots, MemoryBudget budget, CancellationToken cancellation)
    {
        var slice = blocks.Sources.Slice;
        var live = LiveCopies.Find(blocks.Sources.Live, slice, budget, cancellation);
        while (true)
        {
            var shared = new SharedTraces(live);
            var ordered =
                blocks.InRange.Where(static block => !block.IsLeftOut).OrderBy(static block => block.Meta.EarliestSeconds).ToList();
            shared.Compare(ordered, slice, slots, budget, cancellation);

            // One that was left out meanwhile may be the one in which copies were to be counted: once more without it.
            if (ordered.Exists(static block => block.IsLeftOut)) continue;

            // They must not be counted where they are found either; put together, there is nothing of them.
            foreach (var id in blocks.Sources.Hidden)
                if (slice is null || slice.Contains(id))
                    shared._whole[id] = 0;
            shared.Order();
            return shared;
        }
    }

    /// <summary>The place of a block; null: of live data.</summary>
    public static int PlaceOf(QueryBlock? block) => block is null ? 0 : 1 + block.Number;

    /// <summary>Whether the trace is to be put together.</summary>
    public bool IsWhole(TraceId id) => _whole.ContainsKey(id);

    /// <summary>Bits of the rows of a live batch, by its number, that are copies of others; null: none is.</summary>
    public ulong[]? CopiesInLive(int number) => _live?.MarksOf(number);

    /// <summary>
    /// Marks the batch's traces that are not counted there, beside those that <paramref name="others"/> marks; null if none is.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="block">Whose it is; null: live.</param>
    /// <param name="others">By the numbers of the batch's traces.</param>
    public bool[]? MarksCountedElsewhere(SpanBatch batch, QueryBlock? block, bool[]? others)
    {
        if (block is not null) return MarksOf(batch, _leftOut.GetValueOrDefault(PlaceOf(block), _wholeIds), others);
        if (_whole.Count == 0) return others;

        // A moment later there may be more, which nobody reads.
        var traces = others?.Length ?? batch.TraceCount;
        var marks = (bool[]?)others?.Clone();
        for (var trace = 0; trace < traces; trace++)
            if (IsWhole(batch.TraceIds[trace]))
                (marks ??= new bool[traces])[trace] = true;
        return marks;
    }

    /// <summary>
    /// Marks the traces of a page that lie elsewhere as well, beside those that <paramref name="others"/> marks; null if none does.
    /// </summary>
    public bool[]? MarksShared(SpanBatch page, bool[]? others) => MarksOf(page, Ids, others);

    // Both ascend.
    private static bool[]? MarksOf(SpanBatch page, TraceId[] ids, bool[]? others)
    {
        if (ids.Length == 0 || page.TraceCount == 0) return others;
        var marks = (bool[]?)others?.Clone();
        var next = Array.BinarySearch(ids, page.TraceIds[0]);
        if (next < 0) next = ~next;
        for (var trace = 0; trace < page.TraceCount && next < ids.Length;)
        {
            var order = page.TraceIds[trace].CompareTo(ids[next]);
            if (order == 0) (marks ??= new bool[page.TraceCount])[trace] = true;
            if (order <= 0) trace++;
            else next++;
        }

        return marks;
    }

    private void Compare(
        List<QueryBlock> ordered, TraceSlice? slice, IWorkerSlots slots, MemoryBudget budget, CancellationToken cancellation)
    {
        var pages = new BlockPages(new TraceNeeds { Columns = SpanSetDigest.Columns });
        try
        {
            foreach (var id in _live!.Mixed) _whole[id] = 0;
            var (firstSecond, lastSecond) = _live.StartSeconds;
            var active = new List<BlockTraces>();
            for (var i = 0; i < ordered.Count; i++)
            {
                slots.Yield(cancellation);
                var meta = ordered[i].Meta;
                foreach (var over in active.FindAll(other => other.Block.Meta.LatestSeconds < meta.EarliestSeconds))
                {
                    over.Release();
                    active.Remove(over);
                }

                var meetsLive = firstSecond <= meta.LatestSeconds && meta.EarliestSeconds <= lastSecond;
                var isAlone =
                    !meetsLive && active.Count == 0 && (i + 1 == ordered.Count || ordered[i + 1].Meta.EarliestSeconds > meta.LatestSeconds);
                if (isAlone) continue;
                var block = new BlockTraces(ordered[i], slice, pages, slots, budget, cancellation);
                if (meetsLive) Add(PlaceOf(null), PlaceOf(block.Block), TracesInCommon.Of(_live, block), budget);
                foreach (var other in active)
                    Add(PlaceOf(other.Block), PlaceOf(block.Block), TracesInCommon.Of(other, block, slice ?? TraceSlice.All), budget);
                active.Add(block);
            }

            foreach (var block in active) block.Release();
        }
        finally
        {
            pages.Release();
            ReadBytes = pages.ReadBytes;
        }
    }

    private void Add(int first, int second, InCommon common, MemoryBudget budget)
    {
        if (common.Ids.Length == 0) return;
        budget.Charge((long)common.Ids.Length * BytesPerTrace, "traces that lie in several places");
        var later = Math.Max(first, second);
        if (!_copies.TryGetValue(later, out var copies)) _copies.Add(later, copies = []);
        var unequal = 0;
        foreach (var id in common.Ids)
        {
            var isEqual = unequal == common.Unequal.Length || common.Unequal[unequal] != id;
            if (!isEqual) unequal++;
            if (isEqual && !_whole.ContainsKey(id)) copies.Add(id);
            else _whole[id] = second;
        }
    }

    private void Order()
    {
        _wholeIds = Sorted(_whole.Keys);
        foreach (var (place, copies) in _copies) _leftOut[place] = Sorted([.. copies, .. _wholeIds]);
        Ids = Sorted([.. _copies.Values.SelectMany(static copies => copies), .. _wholeIds]);
    }

    private static TraceId[] Sorted(IEnumerable<TraceId> ids)
    {
        var sorted = ids.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
