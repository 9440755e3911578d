using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The traces that lie in more than one source, so that their spans cannot all be counted where they are found: a span that a
/// client sent twice, that is in live data and in a block, or that several nodes have, counts once, as everywhere.
/// <code>
/// 1  all live batches are one source, of which copies of spans are left out (<see cref="LiveCopies"/>); it has the place 0, and blocks have 1 and more, the newest first
/// 2  two blocks are compared by one pass over both lists of ids. A copy of a span has its start too, so only blocks whose times
///    overlap are compared, in the order of their starts, and a list is let go when no later block can overlap it
/// 3  live ids are sorted and compared with each block alike
/// 4  of a trace that two sources have in common both are asked what they have (<see cref="SpanSetDigest"/>). If that is the same in all sources that have
///    it, it is counted in the first one, and left out in the others; else it is put together whole by <see cref="TraceLoader"/>
/// </code>
/// Cost: 16 bytes and some 5 ns a trace for each block that overlaps another, and what the spans have of those that two blocks have in common, once: later queries know of two blocks
/// what they have in common (<see cref="Storage.Blocks.CommonTraces"/>); nothing at all for the others. With nothing shared, which is the rule after compaction,
/// the scan counts spans where it finds them. Whole traces are put together at the seams of what nodes and time divided; there are few.
/// </summary>
internal sealed class SharedTraces
{
    private const int Whole = -1;

    // With the number of the block by whose order they are looked up: 0 for those that are in live data only.
    private readonly Dictionary<TraceId, int> _whole = [];
    private readonly Dictionary<TraceId, Copies> _copies = [];
    private readonly LiveCopies _live;

    // Of both kinds, ascending, and the place where the trace is counted.
    private TraceId[] _ids = [];
    private int[] _countedAt = [];

    private SharedTraces(LiveCopies live) => _live = live;

    /// <summary>Nothing is shared.</summary>
    public static SharedTraces None(IReadOnlyList<Storage.Live.LiveBatchView> live) => new(LiveCopies.None(live));

    /// <summary>Of both kinds, ascending.</summary>
    public IReadOnlyList<TraceId> Ids => _ids;

    /// <summary>Those that are to be put together, each with a number by which to bring them into the order of pages; see <see cref="WholeTraces"/>.</summary>
    public IEnumerable<(int Place, TraceId Id)> Places => _whole.Select(static shared => (shared.Value, shared.Key));

    /// <summary>
    /// Of the blocks in range. One whose ids cannot be read is left out: without them its spans cannot be told from copies. Of a
    /// <paramref name="slice"/> no others are looked at; null: all.
    /// </summary>
    public static SharedTraces Find(QueryBlocks blocks, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
    {
        var live = LiveCopies.Find(blocks.Sources.Live, slice, budget, cancellation);
        var shared = new SharedTraces(live);
        foreach (var id in live.Mixed) shared.AddWhole(id, 0);
        var (firstSecond, lastSecond) = live.StartSeconds;
        var active = new List<BlockTraces>();
        var ordered = blocks.InRange.OrderBy(static block => block.Meta.EarliestSeconds).ToList();
        for (var i = 0; i < ordered.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var meta = ordered[i].Meta;
            active.RemoveAll(other => other.Block.Meta.LatestSeconds < meta.EarliestSeconds);
            var meetsLive = firstSecond <= meta.LatestSeconds && meta.EarliestSeconds <= lastSecond;
            var isAlone = !meetsLive && active.Count == 0 && (i + 1 == ordered.Count || ordered[i + 1].Meta.EarliestSeconds > meta.LatestSeconds);
            if (isAlone) continue;
            var block = new BlockTraces(ordered[i], slice, budget, cancellation);
            var compared = active.Select(static other => PlaceOf(other.Block)).ToHashSet();
            if (meetsLive) compared.Add(0);
            if (meetsLive) shared.Add(0, block, FindCommon(live, block), compared);
            foreach (var other in active) shared.Add(PlaceOf(other.Block), block, FindCommon(other, block, slice ?? TraceSlice.All), compared);
            active.Add(block);
        }

        // They must not be counted where they are found either; put together, there is nothing of them.
        foreach (var id in blocks.Sources.Hidden)
            if (slice is null || slice.Contains(id))
                shared.AddWhole(id, 0);
        shared.Order();
        return shared;
    }

    /// <summary>The place of a block's spans; null: of live data.</summary>
    public static int PlaceOf(QueryBlock? block) => block is null ? 0 : 1 + block.Number;

    /// <summary>Whether the trace is to be put together.</summary>
    public bool IsWhole(TraceId id) => _whole.ContainsKey(id);

    /// <summary>Bits of the rows of a live batch, by its number, that are copies of others; null: none is.</summary>
    public ulong[]? CopiesInLive(int number) => _live.MarksOf(number);

    /// <summary>
    /// Marks the batch's traces that are not counted there, beside those that <paramref name="others"/> marks; null if none is.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="place">The place of its source; null: all shared traces are marked, wherever they are counted.</param>
    /// <param name="others">By the numbers of the batch's traces.</param>
    public bool[]? MarksOf(SpanBatch batch, int? place, bool[]? others = null)
    {
        if (_ids.Length == 0) return others;
        var marks = (bool[]?)others?.Clone();
        if (batch.TraceStart.Length == 0)
        {
            // A moment later there may be more, which nobody reads.
            var traces = others?.Length ?? batch.TraceCount;
            for (var trace = 0; trace < traces; trace++)
                if (IsWhole(batch.TraceIds[trace]) || place != 0 && _copies.TryGetValue(batch.TraceIds[trace], out var copies) && copies.CountedAt != place)
                    (marks ??= new bool[traces])[trace] = true;
            return marks;
        }

        // Of a block: ascending, as the shared ones are.
        if (batch.TraceCount == 0) return marks;
        var next = Array.BinarySearch(_ids, batch.TraceIds[0]);
        if (next < 0) next = ~next;
        for (var trace = 0; trace < batch.TraceCount && next < _ids.Length;)
        {
            var order = batch.TraceIds[trace].CompareTo(_ids[next]);
            if (order == 0 && _countedAt[next] != place) (marks ??= new bool[batch.TraceCount])[trace] = true;
            if (order <= 0) trace++;
            else next++;
        }

        return marks;
    }

    // What a block has in common with another source. Those that are copies have the same spans, so their sources overlap in time, and have been or will be
    // compared, each with each.
    private void Add(int other, BlockTraces block, InCommon common, HashSet<int> compared)
    {
        var place = PlaceOf(block.Block);
        var unequal = 0;
        foreach (var id in common.Ids)
        {
            var isUnequal = unequal < common.Unequal.Length && common.Unequal[unequal] == id;
            if (isUnequal) unequal++;
            if (_whole.ContainsKey(id)) continue;
            if (isUnequal) AddWhole(id, place);
            else if (!_copies.TryGetValue(id, out var known)) _copies.Add(id, new Copies(other, Math.Min(other, place)));
            else if (known.First == other || compared.Contains(known.First)) _copies[id] = known with { CountedAt = Math.Min(known.CountedAt, Math.Min(other, place)) };
            else AddWhole(id, place); // the first one of them ended before this block began: other spans of the trace
        }
    }

    private void AddWhole(TraceId id, int place)
    {
        _whole[id] = place;
        _copies.Remove(id);
    }

    private void Order()
    {
        _ids = [.. _whole.Keys, .. _copies.Keys];
        _countedAt = [.. _whole.Select(static _ => Whole), .. _copies.Values.Select(static copies => copies.CountedAt)];
        Array.Sort(_ids, _countedAt);
    }

    // What two blocks have in common does not change.
    private static InCommon FindCommon(BlockTraces a, BlockTraces b, TraceSlice slice)
    {
        if (a.Block.KnownInCommonWith(b.Block, slice) is var (known, different)) return new InCommon(known, different);
        if (a.Ids is not { } ids || b.Ids is not { } others) return InCommon.None;
        var common = Common(ids, others);
        if (a.DigestsOf(common) is not { } digests || b.DigestsOf(common) is not { } otherDigests) return InCommon.None;
        var found = InCommon.Of(common, digests, otherDigests);
        a.Block.KeepInCommonWith(b.Block, slice, found.Ids, found.Unequal);
        return found;
    }

    private static InCommon FindCommon(LiveCopies live, BlockTraces block)
    {
        if (block.Ids is not { } ids) return InCommon.None;
        var common = Common(live.Ids, ids);
        return block.DigestsOf(common) is { } digests ? InCommon.Of(common, [.. common.Select(live.DigestOf)], digests) : InCommon.None;
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

    /// <summary>A trace whose sources all have the same spans.</summary>
    /// <param name="First">The place of the source that was first compared with another one.</param>
    /// <param name="CountedAt">The one that counts: the first in the order in which traces are put together.</param>
    private readonly record struct Copies(int First, int CountedAt);

    /// <summary>Traces that two sources have in common, and those among them of which they do not have the same. Both ascend.</summary>
    private readonly record struct InCommon(TraceId[] Ids, TraceId[] Unequal)
    {
        public static readonly InCommon None = new([], []);

        public static InCommon Of(TraceId[] ids, SpanSetDigest[] a, SpanSetDigest[] b) => new(ids, [.. ids.Where((_, i) => a[i] != b[i])]);
    }
}
