using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Compaction;

// Whole row groups that only one input has anything of.
internal sealed partial class BlockMerge
{
    private bool _copies;

    private int CopiedRowGroups { get; set; }

    private long CopiedBytes { get; set; }

    /// <summary>
    /// Copies the row group that the smallest id begins, if it is as the output's own would be and nothing of it is merged, deleted or
    /// left out. Whether it is follows from the inputs alone, so the output is the same each time.
    /// </summary>
    private bool TryCopyRowGroup()
    {
        if (!_copies || _part > 0 || _atSmallest.Count != 1) return false;
        var cursor = _atSmallest[0];
        if (cursor.RowInGroup != 0 || !_output.CanBeginCopy(cursor.RowGroupSpans) || !_output.CanCopyFrom(cursor.Reader)) return false;
        // Of a block without a sound index nothing says where its row groups end.
        if (cursor.Reader.IndexedIds.Count != cursor.Reader.RowGroupCount) return false;
        var last = cursor.Reader.IndexedIds[cursor.RowGroup];
        foreach (var other in _cursors)
            if (other != cursor && other.Id.CompareTo(last) <= 0)
                return false;
        if (_deleted.HasBetween(cursor.Id, last) || cursor.PageEnds is not { Count: > 0 } ends) return false;
        CopyRowGroup(cursor, last, ends);
        return true;
    }

    private void CopyRowGroup(BlockCursor cursor, TraceId last, IReadOnlyList<long> pageEnds)
    {
        _output.BeginCopy();
        BeginContext();
        var (group, rows) = (cursor.RowGroup, cursor.Rows);
        var (page, hasMore) = (0, true);
        while (hasMore && cursor.RowGroup == group)
        {
            _trace.Begin(cursor.Id);
            cursor.AddTo(_trace);
            _trace.Complete();
            if (_trace.DuplicateCount > 0)
                throw new DamagedInputException(cursor.Block, $"trace {cursor.Id} holds a span twice, which its writer never writes");
            if (cursor.Id.CompareTo(last) > 0)
                throw new DamagedInputException(
                    cursor.Block, $"trace {cursor.Id} stands before the end of a row group that ends with {last} by the index");
            _output.AddCopied(_trace);
            var end = cursor.RowInGroup + 1;
            hasMore = cursor.MoveNext(_trace.Context);
            if (end != pageEnds[page]) continue;
            _output.EndCopiedPage();
            page++;
        }

        try
        {
            CopiedBytes += _output.EndCopy(cursor.Reader, rows);
        }
        catch (Exception e) when (e is ParquetFormatException or IOException or BlockReadException)
        {
            throw new DamagedInputException(cursor.Block, e.Message, e);
        }

        CopiedRowGroups++;
        if (!hasMore) _cursors.Remove(cursor);
        BeginContext();
    }
}
