using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Finds traces in blocks and keeps the pages they were found on: a page costs the same to unpack for one trace as for all
/// of its traces, so who asks for many traces asks in the order of their places. Also keeps row group readers open, with
/// their page lists and dictionaries. Pages bring in their columns when they are asked for, and give their memory to the pages
/// that follow them. Not thread safe.
/// </summary>
internal sealed class BlockPages
{
    /// <summary>Row group readers kept open; beyond, all are dropped and opened anew.</summary>
    private const int MaxOpenRowGroups = 64;

    /// <summary>Pages kept: some 10 MB each of attributes and columns. More only while one trace lies on more.</summary>
    private const int MaxPages = 4;

    /// <summary>Rows of a page, where a block's own pages do not end at the same row in all columns or are larger.</summary>
    private const int MaxPageRows = 4096;

    private readonly TraceNeeds? _needs;
    private readonly BatchColumns _columns;
    private readonly FieldAttributes? _fields;
    private readonly Dictionary<(QueryBlock Block, int RowGroup), RowGroupReader> _rowGroups = [];
    private ulong _droppedBytes;
    private int _use;

    // Latest use last.
    private readonly List<Page> _pages = [];

    private readonly bool _ownsMemory;
    private readonly ReadAhead? _ahead;
    private ReadMemory? _memory;

    /// <summary>For who looks for few traces and wants these columns whole; the memory stays the caller's.</summary>
    public BlockPages(BatchColumns columns, ReadMemory? memory = null) => (_columns, _memory) = (columns, memory);

    /// <summary>For who looks for many traces and wants no more than this of them.</summary>
    public BlockPages(TraceNeeds needs)
    {
        (_memory, _ownsMemory) = (ReadMemory.Rent(), true);
        _needs = needs;
        _ahead = new ReadAhead();
        _fields = new FieldAttributes(needs.Fields);
    }

    /// <summary>Block bytes that were read, by the rows' share of each column chunk.</summary>
    public ulong ReadBytes => _droppedBytes + (ulong)_rowGroups.Values.Sum(static rows => rows.ReadBytes);

    /// <summary>
    /// The batches of <see cref="FindAlone"/>, of <see cref="ScratchPools.Traces"/>, for who knows when they are not read any more.
    /// </summary>
    public List<SpanBatch> Alone { get; } = [];

    /// <summary>What is found from now on stays as it is until this is called again.</summary>
    public void BeginUse() => _use++;

    /// <summary>The batch that holds the trace, and the trace's number there; null if the block has no such trace.</summary>
    public (SpanBatch Batch, int Trace)? FindOnPage(QueryBlock block, TraceId id)
    {
        for (var i = _pages.Count - 1; i >= 0; i--)
        {
            var page = _pages[i];
            if (page.Block != block || !page.Covers(id)) continue;
            _pages.RemoveAt(i);
            _pages.Add(page);
            return Found(page, id);
        }

        var (group, row) = Find(block, id);
        if (row < 0) return null;
        var (first, count) = PageOf(OpenRowGroup(block, group), row);
        OpenRowGroup(block, group).Approach(first, count, isScan: false);
        return Found(OpenPage(block, group, first, count), id);
    }

    /// <summary>
    /// The trace alone, in a batch of its own; null if the block has no such trace. One of more spans than <paramref name="maxSpans"/>
    /// is not whole: nothing but its tree was read.
    /// </summary>
    public (SpanBatch Batch, bool IsWhole)? FindAlone(QueryBlock block, TraceId id, int maxSpans)
    {
        var (group, row) = Find(block, id);
        if (row < 0) return null;
        GarbageBudget.CheckQuery();
        var batch = ScratchPools.Traces.Take();
        var isWhole = OpenRowGroup(block, group).TryReadInto(batch, row, _columns, maxSpans);
        Alone.Add(batch); // one whose filling failed is used by nobody again
        return (batch, isWhole);
    }

    /// <summary>Rows of a row group as a page, of which nothing but the outline is read yet.</summary>
    public SpanBatch Open(QueryBlock block, int group, long first, int count)
    {
        BeginUse();
        OpenRowGroup(block, group).Approach(first, count, isScan: true);
        return OpenPage(block, group, first, count).Batch;
    }

    /// <summary>The reader of a row group, opened if it is not.</summary>
    public RowGroupReader OpenRowGroup(QueryBlock block, int group)
    {
        if (_rowGroups.TryGetValue((block, group), out var reader)) return reader;
        if (_rowGroups.Count >= MaxOpenRowGroups)
        {
            _droppedBytes = ReadBytes;
            _rowGroups.Clear();
        }

        var open = block.Open();
        _rowGroups.Add((block, group), reader = _memory is null ? open.OpenRowGroup(group) : open.OpenRowGroup(group, _memory, _ahead));
        return reader;
    }

    /// <summary>Nothing is read any more, nor what was found: others may use the memory.</summary>
    public void Release()
    {
        _droppedBytes = ReadBytes;
        _rowGroups.Clear();
        foreach (var page in _pages) ScratchPools.Pages.Return(page.Batch);
        _pages.Clear();
        if (_ownsMemory) _memory?.Return();
        _memory = null;
    }

    private (int RowGroup, long Row) Find(QueryBlock block, TraceId id) => block.Open().Find(id, (_, group) => OpenRowGroup(block, group));

    private (SpanBatch Batch, int Trace)? Found(Page page, TraceId id)
    {
        page.Use = _use;
        if (page.Find(id) is not { } found) return null;
        if (!page.IsComplete)
        {
            page.Batch.Require(_needs!.Columns);
            _fields!.LoadInto(page.Batch);
            page.IsComplete = true;
        }

        return found;
    }

    private Page OpenPage(QueryBlock block, int group, long first, int count)
    {
        var page = TakePage();
        try
        {
            OpenRowGroup(block, group).OpenInto(page.Batch, first, count);
        }
        catch
        {
            page.Block = null;
            throw;
        }

        (page.Block, page.Use, page.IsComplete) = (block, _use, false);
        _pages.Add(page);
        return page;
    }

    // A new one, or the one that was not used for the longest time.
    private Page TakePage()
    {
        while (_pages.Count > MaxPages && _pages[0].Use != _use) _pages.RemoveAt(0);
        if (_pages.Count < MaxPages || _pages[0].Use == _use) return new Page();
        var page = _pages[0];
        _pages.RemoveAt(0);
        return page;
    }

    private static (long First, int Count) PageOf(RowGroupReader rows, long row)
    {
        foreach (var (first, count) in rows.ScanRanges())
            if (row >= first && row < first + count && count <= MaxPageRows)
                return (first, count);
        var start = row - row % MaxPageRows;
        return (start, (int)Math.Min(MaxPageRows, rows.RowCount - start));
    }

    private sealed class Page
    {
        public readonly SpanBatch Batch = ScratchPools.Pages.Take();
        public QueryBlock? Block;
        public int Use;

        /// <summary>All that decisions need was brought in.</summary>
        public bool IsComplete;

        // Rows of a block ascend by id.
        public bool Covers(TraceId id) =>
            Batch.TraceCount > 0 && Batch.TraceIds[0].CompareTo(id) <= 0 && id.CompareTo(Batch.TraceIds[Batch.TraceCount - 1]) <= 0;

        public (SpanBatch Batch, int Trace)? Find(TraceId id)
        {
            var trace = Array.BinarySearch(Batch.TraceIds, 0, Batch.TraceCount, id);
            return trace < 0 ? null : (Batch, trace);
        }
    }
}
