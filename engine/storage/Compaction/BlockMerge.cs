using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Merges blocks into one by trace id, streaming:
/// <code>
/// 1  the smallest id under any cursor
/// 2  the spans of that id from all inputs become one trace: duplicates go, the tree is numbered anew
/// 3  the writer takes it; those cursors move on
/// </code>
/// Memory: one page of each input, what the writer holds (a page, a row group's compressed pages and dictionaries), the
/// largest trace, and 16 bytes for each trace of the output. Numbers of resources are given anew for each row group, so that they do not add up either.
/// </summary>
internal sealed class BlockMerge
{
    private readonly List<BlockCursor> _cursors = [];
    private readonly List<BlockCursor> _atSmallest = [];
    private readonly BlockWriter _output;
    private readonly MergeMemory _memory;
    private readonly DeletedTraces _deleted;
    private OrderedTrace _trace = new(new SpanContext());

    private BlockMerge(BlockWriter output, MergeMemory memory, DeletedTraces deleted) => (_output, _memory, _deleted) = (output, memory, deleted);

    private long CombinedTraces { get; set; }

    private long DuplicateSpans { get; set; }

    private long LeftOutTraces { get; set; }

    /// <summary>Writes all traces of the inputs but the deleted ones. The order of the inputs decides which of two copies of a span is kept.</summary>
    public static MergeCounts Run(IReadOnlyList<BlockReader> inputs, BlockWriter output, MergeMemory memory, DeletedTraces deleted, CancellationToken cancellation)
    {
        var merge = new BlockMerge(output, memory, deleted);
        foreach (var input in inputs) merge.Open(input);
        while (merge._cursors.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            merge.WriteNext();
        }

        return new MergeCounts(merge.CombinedTraces, merge.DuplicateSpans, merge.LeftOutTraces);
    }

    private void Open(BlockReader input)
    {
        var cursor = new BlockCursor(input, _memory);
        if (cursor.MoveNext(_trace.Context)) _cursors.Add(cursor);
    }

    private void WriteNext()
    {
        _trace.Begin(FindSmallest());
        foreach (var cursor in _atSmallest) cursor.AddTo(_trace);
        CombinedTraces += _atSmallest.Count - 1;
        if (_deleted.Contains(_trace.Id))
        {
            LeftOutTraces++;
        }
        else if (!_trace.IsEmpty)
        {
            _trace.Complete();
            DuplicateSpans += _trace.DuplicateCount;
            _output.Add(_trace);
            // What was one row before can be read as one.
            if (_atSmallest.Count > 1 && _output.IsLastTraceOversized) throw new OversizedTraceException(_trace.Id, [.. _atSmallest.Select(static cursor => cursor.Block)]);
        }

        foreach (var cursor in _atSmallest)
            if (!cursor.MoveNext(_trace.Context))
                _cursors.Remove(cursor);
        if (_output.IsBetweenRowGroups) BeginContext();
    }

    private TraceId FindSmallest()
    {
        _atSmallest.Clear();
        foreach (var cursor in _cursors)
        {
            var order = _atSmallest.Count == 0 ? 0 : cursor.Id.CompareTo(_atSmallest[0].Id);
            if (order < 0) _atSmallest.Clear();
            if (order <= 0) _atSmallest.Add(cursor);
        }

        return _atSmallest[0].Id;
    }

    private void BeginContext()
    {
        var context = new SpanContext();
        _trace = new OrderedTrace(context);
        foreach (var cursor in _cursors) cursor.EnterContext(context);
    }
}

/// <summary>What a merge brought together.</summary>
/// <param name="CombinedTraces">Rows that went into the row of the same trace in another block.</param>
/// <param name="DuplicateSpans">Spans that were in more than one block, or twice in one.</param>
/// <param name="LeftOutTraces">Traces that were deleted.</param>
public readonly record struct MergeCounts(long CombinedTraces, long DuplicateSpans, long LeftOutTraces);
