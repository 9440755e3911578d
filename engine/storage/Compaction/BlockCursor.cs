using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Walks the traces of one block in the order of their ids, with the rows of one page in memory. What cannot be read, and
/// rows that do not ascend, are a <see cref="DamagedInputException"/>: a merge that went on would write a block without them.
/// </summary>
internal sealed class BlockCursor
{
    /// <summary>
    /// Rows that take more compressed bytes than this are read in parts. A page of ours has about a megabyte, so it is unpacked in two halves: a
    /// merge holds four of them, 10 MiB less, and takes 5 to 8 % more CPU. Tempo's pages end at other rows in each column.
    /// </summary>
    private const long MaxRangeBytes = 640 << 10;

    private readonly BlockReader _block;
    private readonly ReadMemory _memory;
    private readonly Queue<(long Start, int Count)> _ranges = new();
    private RowGroupReader? _rows;
    private int _nextRowGroup;

    // Filled anew with each page: a merge of any size takes the memory of one page from each input.
    private readonly SpanBatch _page;
    private int _pageNumber;
    private long _rangeStart;
    private int _row;
    private int _span;
    private long _longestText = -1;
    private long _arrayItems;

    /// <summary>The block stays the caller's. Before the first <see cref="MoveNext"/> there is no trace.</summary>
    public BlockCursor(BlockReader block, MergeMemory memory)
    {
        _block = block;
        _memory = memory.Reading;
        _page = memory.TakePage();
        _page.Clear();
        var rows = Read(block, static block => Enumerable.Range(0, block.RowGroupCount).Sum(group => block.OpenRowGroup(group).RowCount));
        if (rows != block.Meta.TotalObjects) throw new DamagedInputException(block.Meta, $"{rows} rows where meta.json says {block.Meta.TotalObjects}");
    }

    public BlockMeta Block => _block.Meta;

    public BlockReader Reader => _block;

    /// <summary>The reader of the current row group.</summary>
    public RowGroupReader Rows => _rows!;

    /// <summary>The row group of the current trace, and its place in it.</summary>
    public int RowGroup => _nextRowGroup - 1;

    public long RowInGroup => _rangeStart + _row;

    /// <summary>Spans of the current row group.</summary>
    public long RowGroupSpans => _rows!.SpanCount;

    /// <summary>The rows at which pages of the current row group end, if they end at the same ones in all columns; else none.</summary>
    public IReadOnlyList<long> PageEnds => Read(_rows!, static rows => rows.PageEnds());

    public TraceId Id => _page.TraceIds[_row];

    /// <summary>
    /// To the next trace; false at the end. At the end of a page the context loses that page and gets the next one.
    /// </summary>
    public bool MoveNext(SpanContext context)
    {
        if (_page.TraceCount == 0) return NextPage(context);
        var before = Id;
        while (_span < _page.SpanCount && _page.Trace[_span] == _row) _span++;
        if (++_row >= _page.TraceCount)
        {
            context.Release(_pageNumber);
            if (!NextPage(context)) return false;
        }

        if (Id.CompareTo(before) <= 0) throw new DamagedInputException(_block.Meta, $"trace {Id} stands after {before}");
        return true;
    }

    /// <summary>What the trace's spans amount to; never less, and found without looking at a text.</summary>
    public RowWeight BoundWeight()
    {
        if (_longestText < 0) (_longestText, _arrayItems) = (SpanWeight.LongestText(_page), SpanWeight.ArrayItems(_page));
        // Whose the items are is not looked at.
        var weight = new RowWeight(_arrayItems, _arrayItems * _longestText);
        for (var span = _span; span < _page.SpanCount && _page.Trace[span] == _row; span++) weight.Add(SpanWeight.Bound(_page, span, _longestText));
        return weight;
    }

    /// <summary>The same, every text looked at.</summary>
    public RowWeight Weight()
    {
        var weight = default(RowWeight);
        for (var span = _span; span < _page.SpanCount && _page.Trace[span] == _row; span++) weight.Add(SpanWeight.Of(_page, span));
        return weight;
    }

    /// <summary>Adds the trace's spans.</summary>
    public void AddTo(OrderedTrace trace)
    {
        for (var span = _span; span < _page.SpanCount && _page.Trace[span] == _row; span++) trace.Add(new SpanRef(_pageNumber, span));
    }

    /// <summary>Brings the current page into a new context.</summary>
    public void EnterContext(SpanContext context) => _pageNumber = context.Add(_page);

    private bool NextPage(SpanContext context)
    {
        while (_ranges.Count == 0)
        {
            if (_nextRowGroup == _block.RowGroupCount) return false;
            OpenRowGroup(_nextRowGroup++);
        }

        var range = _ranges.Dequeue();
        _rangeStart = range.Start;
        Read((Rows: _rows!, Page: _page, Range: range), static read =>
        {
            read.Rows.ReadInto(read.Page, read.Range.Start, read.Range.Count, BatchColumns.All);
            return read.Page;
        });
        _row = _span = 0;
        _longestText = -1;
        EnterContext(context);
        return true;
    }

    private void OpenRowGroup(int group)
    {
        _rows = Read((Block: _block, Group: group, Memory: _memory), static open => open.Block.OpenRowGroup(open.Group, open.Memory));
        var bytesPerRow = _block.RowGroupBytes(group) / Math.Max(1, _rows.RowCount) + 1;
        var mostRows = Math.Max(1, MaxRangeBytes / bytesPerRow);
        foreach (var (start, count) in Read(_rows, static rows => rows.ScanRanges()))
        {
            var parts = (count + mostRows - 1) / mostRows;
            var rows = (count + parts - 1) / parts;
            for (long done = 0; done < count; done += rows) _ranges.Enqueue((start + done, (int)Math.Min(rows, count - done)));
        }
    }

    private T Read<TState, T>(TState state, Func<TState, T> read)
    {
        try
        {
            return read(state);
        }
        catch (BlockReadException e)
        {
            throw new DamagedInputException(_block.Meta, e.Message, e);
        }
    }
}
