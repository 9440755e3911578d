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
/// largest row. Numbers of resources are given anew for each row group, so that they do not add up either.
/// <para>
/// Rows of a trace that would be too large together become parts, each of as many of them as fit: the merge is run once for each
/// part, into blocks of their own, and the first of them holds all other traces. A row of another writer that is too large by itself
/// comes in pieces, each of which is a part; copies of a span in different parts stay, and readers count them once.
/// </para>
/// <para>
/// A row group whose ids no other input has any between is copied: its pages as they are, what is known of them as of all others.
/// </para>
/// </summary>
internal sealed partial class BlockMerge
{
    private readonly List<BlockCursor> _cursors = [];
    private readonly List<BlockCursor> _atSmallest = [];
    private readonly BlockWriter _output;
    private readonly MergeMemory _memory;
    private readonly DeletedTraces _deleted;
    private OrderedTrace _trace = new(new SpanContext());

    private readonly RowLimits _limits;
    private readonly int _part;

    /// <summary>Each part has spans, or the parts are not what the first one said: then the inputs must stay.</summary>
    public static InvalidOperationException IsEmpty(int part, int partCount) => new($"part {part} of {partCount} of a merge has no spans");

    private BlockMerge(BlockWriter output, MergeMemory memory, DeletedTraces deleted, RowLimits limits, int part) =>
        (_output, _memory, _deleted, _limits, _part) = (output, memory, deleted, limits, part);

    private int PartCount { get; set; } = 1;

    private long CombinedTraces { get; set; }

    private long DuplicateSpans { get; set; }

    private long LeftOutTraces { get; set; }

    /// <summary>
    /// Writes all traces of the inputs but the deleted ones, or of a <paramref name="part"/> beyond the first only what belongs to it.
    /// The order of the inputs decides which of two copies of a span is kept.
    /// </summary>
    public static MergeCounts Run(
        IReadOnlyList<BlockReader> inputs, BlockWriter output, MergeMemory memory, DeletedTraces deleted, RowLimits limits, int part,
        CancellationToken cancellation, bool copies = true)
    {
        var merge = new BlockMerge(output, memory, deleted, limits, part) { _copies = copies };
        if (part == 0) memory.InParts.Clear();
        foreach (var input in inputs) merge.Open(input);
        while (merge._cursors.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            merge.WriteNext();
        }

        return new MergeCounts(merge.CombinedTraces, merge.DuplicateSpans, merge.LeftOutTraces,
            merge.PartCount)
        { CopiedRowGroups = merge.CopiedRowGroups, CopiedBytes = merge.CopiedBytes };
    }

    private void Open(BlockReader input)
    {
        var cursor = new BlockCursor(input, _memory, _limits, _part == 0 ? null : _memory.InParts);
        if (cursor.MoveNext(_trace.Context)) _cursors.Add(cursor);
    }

    private void WriteNext()
    {
        var id = FindSmallest();
        if (TryCopyRowGroup()) return;
        _trace.Begin(id);
        if (_deleted.Contains(_trace.Id)) LeftOutTraces++;
        else WriteTrace();
        foreach (var cursor in _atSmallest)
            if (!cursor.MoveNext(_trace.Context))
                _cursors.Remove(cursor);
        if (_output.IsBetweenRowGroups) BeginContext();
    }

    private void WriteTrace()
    {
        if (_atSmallest.Exists(static cursor => cursor.PieceCount > 1))
        {
            WriteInPieces();
            return;
        }

        WriteRow(RowsOfPart(_atSmallest));
    }

    private void WriteRow(IEnumerable<BlockCursor> cursors)
    {
        var rows = 0;
        foreach (var cursor in cursors)
        {
            cursor.AddTo(_trace);
            rows++;
        }

        if (_trace.IsEmpty) return;
        CombinedTraces += rows - 1;
        _trace.Complete();
        DuplicateSpans += _trace.DuplicateCount;
        _output.Add(_trace);
    }

    // First the parts of what inputs have as ordinary rows, then the pieces of the others, each by itself.
    private void WriteInPieces()
    {
        var ordinary = _atSmallest.FindAll(static cursor => cursor.PieceCount == 1);
        var part = 0;
        if (ordinary.Count > 0)
        {
            var row = RowsOfPart(ordinary, out part);
            if (_part < part) WriteRow(row);
        }

        foreach (var cursor in _atSmallest)
        {
            if (cursor.PieceCount == 1) continue;
            if (_part >= part && _part < part + cursor.PieceCount)
            {
                cursor.LoadPiece(_part - part, _trace.Context);
                WriteRow([cursor]);
            }

            part += cursor.PieceCount;
        }

        NoteParts(part);
    }

    private void NoteParts(int count)
    {
        PartCount = Math.Max(PartCount, count);
        if (_part == 0 && count > 1) _memory.InParts.Add(_trace.Id);
    }

    private IEnumerable<BlockCursor> RowsOfPart(List<BlockCursor> cursors)
    {
        var rows = RowsOfPart(cursors, out var count);
        NoteParts(count);
        return rows;
    }

    // In the order of the inputs, so that each run comes to the same parts.
    private IEnumerable<BlockCursor> RowsOfPart(List<BlockCursor> cursors, out int count)
    {
        count = 1;
        if (cursors.Count == 1) return _part == 0 ? cursors : [];
        var bound = default(RowWeight);
        foreach (var cursor in cursors) bound.Add(cursor.BoundWeight());
        if (!bound.Exceeds(_limits)) return _part == 0 ? cursors : [];
        var part = 0;
        var weight = default(RowWeight);
        var rows = new List<BlockCursor>();
        for (var i = 0; i < cursors.Count; i++)
        {
            var own = cursors[i].Weight();
            weight.Add(own);
            if (i > 0 && weight.Exceeds(_limits))
            {
                part++;
                weight = own;
            }

            if (part == _part) rows.Add(cursors[i]);
        }

        count = part + 1;
        return rows;
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
/// <param name="PartCount">Blocks that the spans go to: more than one if a trace is too large for one row.</param>
public readonly record struct MergeCounts(long CombinedTraces, long DuplicateSpans, long LeftOutTraces, int PartCount = 1)
{
    /// <summary>Row groups whose pages were taken over as they are.</summary>
    public int CopiedRowGroups { get; init; }

    /// <summary>Bytes of these pages.</summary>
    public long CopiedBytes { get; init; }
}
