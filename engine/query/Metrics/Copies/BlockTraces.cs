using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The traces of a block, or those of them that are of a slice: their ids, read when somebody asks for them, and the digests of their
/// spans, read only from the pages of those that are asked for.
/// </summary>
internal sealed class BlockTraces(
    QueryBlock block, TraceSlice? slice, BlockPages pages, IWorkerSlots slots, MemoryBudget budget, CancellationToken cancellation)
{
    private readonly NameHashes _names = new(KeyedHash.Of64);
    private long _chargedBytes;
    private bool _isRead;
    private SpanSetDigest[] _digests = []; // of each id; default: not read yet

    public QueryBlock Block => block;

    /// <summary>
    /// Ascending. Null if they cannot be read: the block is left out then, since without them its spans cannot be told from copies.
    /// </summary>
    public TraceId[]? Ids
    {
        get
        {
            if (_isRead) return field;
            _isRead = true;
            return field = TryReadIds();
        }
    }

    /// <summary>
    /// The digests of at least the traces at these places of <see cref="Ids"/>, which ascend; by the same places. Null if they are not all
    /// known: a page cannot be read, which whoever reads it will say, or the block is another writer's, in whose traces a span may stand
    /// twice.
    /// </summary>
    public SpanSetDigest[]? ReadDigests(List<int> places)
    {
        if (places.Count == 0) return _digests;
        if (Ids is not { } ids || !block.HasOwnTrees) return null;
        if (_digests.Length == 0)
        {
            Charge(ids.Length * 2L * sizeof(ulong), "digests of traces");
            _digests = new SpanSetDigest[ids.Length];
        }

        try
        {
            return TryRead(ids, places) ? _digests : null;
        }
        catch (BlockReadException)
        {
            return null;
        }
    }

    /// <summary>Nobody asks any more.</summary>
    public void Release() => budget.Return(_chargedBytes);

    private void Charge(long bytes, string what)
    {
        budget.Charge(bytes, what);
        _chargedBytes += bytes;
    }

    private TraceId[]? TryReadIds()
    {
        try
        {
            if (block.TryOpen() is not { } open) return null;
            var rowGroups = TraceSlice.RowGroupsOf(slice, open);
            Charge(rowGroups.Sum(open.RowCountOf) * TraceId.SizeBytes, "trace ids");
            var ids = open.ReadTraceIds(rowGroups, cancellation);
            return slice is null ? ids : ids[slice.RangeIn(ids)];
        }
        catch (BlockReadException e)
        {
            block.LeaveOut(e);
            return null;
        }
    }

    // The pages on which these are; whoever else is on one of them is known from then on, too.
    private bool TryRead(TraceId[] ids, List<int> places)
    {
        var open = block.Open();
        var next = 0;
        foreach (var group in TraceSlice.RowGroupsOf(slice, open))
        {
            if (!MoveToUnknown() || open.IdsOf(group).Last.CompareTo(ids[places[next]]) < 0) continue;
            foreach (var (start, count) in pages.OpenRowGroup(block, group).ScanRanges())
            {
                slots.Yield(cancellation);
                if (!MoveToUnknown()) return true;
                if (pages.OpenRowGroup(block, group).FactsOf(start, count).TraceIds.Last.CompareTo(ids[places[next]]) < 0) continue;
                var batch = pages.Open(block, group, start, count);
                batch.Require(SpanSetDigest.Columns);
                Add(ids, batch);
            }
        }

        return !MoveToUnknown();

        bool MoveToUnknown()
        {
            while (next < places.Count && _digests[places[next]] != default) next++;
            return next < places.Count;
        }
    }

    // Spans of a trace lie together, in the order of the traces, whose ids ascend.
    private void Add(TraceId[] ids, SpanBatch page)
    {
        if (page.TraceCount == 0) return;
        _names.Begin(page);
        var place = Array.BinarySearch(ids, page.TraceIds[0]);
        if (place < 0) place = ~place; // the page begins before the slice
        for (int trace = 0, row = 0; trace < page.TraceCount && place < ids.Length; trace++)
        {
            var sum = SpanSetDigest.Empty;
            for (; row < page.SpanCount && page.Trace[row] == trace; row++) sum += SpanSetDigest.Of(page, row, _names.Of(row));
            if (ids[place] == page.TraceIds[trace]) _digests[place++] = sum;
        }
    }
}
