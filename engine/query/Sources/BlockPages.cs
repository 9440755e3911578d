using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Finds traces in blocks and keeps the pages they were found on: a page costs the same to unpack for one trace as for all
/// of its traces, so who asks for many traces asks in the order of their places. Also keeps row group readers open, with
/// their page lists and dictionaries. Not thread safe.
/// </summary>
internal sealed class BlockPages(BatchColumns columns)
{
    /// <summary>Row group readers kept open; beyond, all are dropped and opened anew.</summary>
    private const int MaxOpenRowGroups = 64;

    /// <summary>Pages kept: some 10 MB each of attributes and columns.</summary>
    private const int MaxPages = 4;

    /// <summary>Rows of a page, where a block's own pages do not end at the same row in all columns or are larger.</summary>
    private const int MaxPageRows = 4096;

    private readonly Dictionary<(BlockReader Block, int RowGroup), RowGroupReader> _rowGroups = [];

    // Latest use last.
    private readonly List<Page> _pages = [];

    /// <summary>Block bytes behind the pages that were read, by their rows' share of the row group.</summary>
    public ulong ReadBytes { get; private set; }

    /// <summary>The batch that holds the trace, and the trace's number there; null if the block has no such trace.</summary>
    public (SpanBatch Batch, int Trace)? FindOnPage(BlockReader block, TraceId id)
    {
        for (var i = _pages.Count - 1; i >= 0; i--)
        {
            var page = _pages[i];
            if (page.Block != block || !page.Covers(id)) continue;
            _pages.RemoveAt(i);
            _pages.Add(page);
            return page.Find(id);
        }

        var (group, row) = block.Find(id, OpenRowGroup);
        return row < 0 ? null : ReadPage(block, group, row).Find(id);
    }

    /// <summary>The trace alone, in a batch of its own; null if the block has no such trace.</summary>
    public SpanBatch? FindAlone(BlockReader block, TraceId id)
    {
        var (group, row) = block.Find(id, OpenRowGroup);
        return row < 0 ? null : Read(block, group, row, 1);
    }

    /// <summary>The reader of a row group, opened if it is not.</summary>
    public RowGroupReader OpenRowGroup(BlockReader block, int group)
    {
        if (_rowGroups.TryGetValue((block, group), out var reader)) return reader;
        if (_rowGroups.Count >= MaxOpenRowGroups) _rowGroups.Clear();
        _rowGroups.Add((block, group), reader = block.OpenRowGroup(group));
        return reader;
    }

    private Page ReadPage(BlockReader block, int group, long row)
    {
        var (first, count) = PageOf(OpenRowGroup(block, group), row);
        var page = new Page(block, Read(block, group, first, count));
        if (_pages.Count == MaxPages) _pages.RemoveAt(0);
        _pages.Add(page);
        return page;
    }

    private SpanBatch Read(BlockReader block, int group, long first, int count)
    {
        var rows = OpenRowGroup(block, group);
        ReadBytes += (ulong)(block.RowGroupBytes(group) / Math.Max(1, rows.RowCount) * count);
        return rows.Read(first, count, columns);
    }

    private static (long First, int Count) PageOf(RowGroupReader rows, long row)
    {
        foreach (var (first, count) in rows.ScanRanges())
            if (row >= first && row < first + count && count <= MaxPageRows)
                return (first, count);
        var start = row - row % MaxPageRows;
        return (start, (int)Math.Min(MaxPageRows, rows.RowCount - start));
    }

    private sealed record Page(BlockReader Block, SpanBatch Batch)
    {
        // Rows of a block ascend by id.
        public bool Covers(TraceId id) => Batch.TraceIds[0].CompareTo(id) <= 0 && id.CompareTo(Batch.TraceIds[Batch.TraceCount - 1]) <= 0;

        public (SpanBatch Batch, int Trace)? Find(TraceId id)
        {
            var trace = Array.BinarySearch(Batch.TraceIds, 0, Batch.TraceCount, id);
            return trace < 0 ? null : (Batch, trace);
        }
    }
}
