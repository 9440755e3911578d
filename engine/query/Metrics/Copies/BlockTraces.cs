using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// The traces of a block, or those of them that are of a slice: their ids, read when somebody asks for them, and what they have, read
/// page by page of those that somebody asks for. A block holds each trace once and without duplicates, and its ids ascend.
/// </summary>
internal sealed class BlockTraces(QueryBlock block, TraceSlice? slice, MemoryBudget budget, CancellationToken cancellation)
{
    private const BatchColumns Columns = BatchColumns.OwnSpanIds | BatchColumns.Times | BatchColumns.Kind | BatchColumns.Name;

    private readonly NameHashes _names = new();
    private bool _isRead;
    private SpanSetDigest?[]? _digests; // of each id

    public QueryBlock Block => block;

    /// <summary>Ascending. Null if they cannot be read: the block is left out then, since without them its spans cannot be told from copies.</summary>
    public TraceId[]? Ids
    {
        get
        {
            if (_isRead) return field;
            _isRead = true;
            return field = TryReadIds();
        }
    }

    /// <summary>Of some of the ids, ascending. Null if they cannot be read: the block is left out then.</summary>
    public SpanSetDigest[]? DigestsOf(TraceId[] some)
    {
        if (Ids is not { } ids || block.IsLeftOut) return null;
        if (some.Length == 0) return [];
        if (_digests is null)
        {
            budget.Charge(ids.Length * 3L * sizeof(ulong), "fingerprints of traces");
            _digests = new SpanSetDigest?[ids.Length];
        }

        try
        {
            int[] places = [.. some.Select(id => Array.BinarySearch(ids, id))];
            Read(ids, [.. places.Where(place => _digests[place] is null)]);
            return [.. places.Select(place => _digests[place]!.Value)];
        }
        catch (BlockReadException e)
        {
            block.LeaveOut(e);
            return null;
        }
    }

    private TraceId[]? TryReadIds()
    {
        try
        {
            if (block.TryOpen() is not { } open) return null;
            var rowGroups = RowGroups(open).ToList();
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

    private IEnumerable<int> RowGroups(BlockReader open) => Enumerable.Range(0, open.RowGroupCount).Where(group => slice is null || slice.Meets(open.IdsOf(group)));

    // The pages on which these are, ascending; whoever else is on one of them is known from then on, too.
    private void Read(TraceId[] ids, int[] wanted)
    {
        if (wanted.Length == 0) return;
        var (open, memory, ahead, batch, next) = (block.Open(), ReadMemory.Rent(), new ReadAhead(), new SpanBatch(), 0);
        foreach (var group in RowGroups(open))
        {
            if (next == wanted.Length) break;
            if (open.IdsOf(group).Last.CompareTo(ids[wanted[next]]) < 0) continue;
            var rows = open.OpenRowGroup(group, memory, ahead);
            foreach (var (start, count) in rows.ScanRanges())
            {
                cancellation.ThrowIfCancellationRequested();
                if (next == wanted.Length) break;
                if (rows.FactsOf(start, count).TraceIds.Last.CompareTo(ids[wanted[next]]) < 0) continue;
                rows.OpenInto(batch, start, count);
                batch.Require(Columns);
                Add(ids, batch);
                while (next < wanted.Length && _digests![wanted[next]] is not null) next++;
            }
        }

        memory.Return();
        if (next == wanted.Length) return;
        var message = $"trace {ids[wanted[next]]} is in the list of ids and on no page";
        throw new BlockReadException(message, new InvalidDataException(message));
    }

    // Spans of a trace lie together, in the order of the traces.
    private void Add(TraceId[] ids, SpanBatch batch)
    {
        _names.Begin(batch);
        for (var row = 0; row < batch.SpanCount;)
        {
            var trace = batch.Trace[row];
            var sum = default(SpanSetDigest);
            for (; row < batch.SpanCount && batch.Trace[row] == trace; row++) sum += SpanSetDigest.Of(batch, row, _names.Of(row));
            if (Array.BinarySearch(ids, batch.TraceIds[trace]) is >= 0 and var place) _digests![place] = sum;
        }
    }
}
