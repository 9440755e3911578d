using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Compaction.LargeRows;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Walks the traces of one block in the order of their ids, with the rows of one page in memory. What cannot be read, and
/// rows that do not ascend, are a <see cref="DamagedInputException"/>: a merge that went on would write a block without them.
/// <para>
/// A row of another writer that is more than a row of ours may be is not read whole: it comes in pieces, of which one is in memory.
/// </para>
/// </summary>
internal sealed class BlockCursor
{
    /// <summary>
    /// Rows that take more compressed bytes than this are read in parts. A page of ours has about a megabyte, so it is unpacked in two
    /// halves: a merge holds four of them, 10 MiB less, and takes 5 to 8 % more CPU. Tempo's pages end at other rows in each column.
    /// </summary>
    private const long MaxRangeBytes = 640 << 10;

    // Of the limits of a row: 64 Ki spans of a range that is read without being weighed, where ordinary ones have a tenth; and a compressed
    // page of 4 MiB, beyond which a row of it may be too large: ours and Tempo's have a few hundred thousand bytes.
    private const int RangeSpansPart = 8, PageBytesPart = 2;

    /// <summary>Of a row that is read whole: all that it may have of entries, and all of text.</summary>
    private const double MaxShare = 2;

    private readonly BlockReader _block;
    private readonly MergeMemory _merge;
    private readonly ReadMemory _memory;
    private readonly RowLimits _limits;
    private readonly IReadOnlySet<TraceId>? _only;
    private readonly LinkedList<RowRange> _ranges = new();
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

    // The current trace is this row, of which the page has one piece.
    private SplitRow? _split;
    private int _piece;
    private IReadOnlyList<Parquet.ColumnReader>? _leaves;

    /// <summary>The block stays the caller's. Before the first <see cref="MoveNext"/> there is no trace.</summary>
    /// <param name="block">What is walked through.</param>
    /// <param name="memory">Of the merge.</param>
    /// <param name="limits">What a row may be without coming in pieces.</param>
    /// <param name="only">The traces that are wanted; null: all.</param>
    public BlockCursor(BlockReader block, MergeMemory memory, RowLimits limits, IReadOnlySet<TraceId>? only = null)
    {
        _block = block;
        _merge = memory;
        _memory = memory.Reading;
        _limits = limits;
        _only = only;
        _page = memory.TakePage();
        _page.Clear();
        var rows = Read(block, static block => Enumerable.Range(0, block.RowGroupCount).Sum(group => block.OpenRowGroup(group).RowCount));
        if (rows != block.Meta.TotalObjects)
            throw new DamagedInputException(block.Meta, $"{rows} rows where meta.json says {block.Meta.TotalObjects}");
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

    /// <summary>Pieces that the current trace comes in: 1, if it is read as it is.</summary>
    public int PieceCount => _split?.Count ?? 1;

    /// <summary>Brings a piece of the current trace into the page: until then it has the first.</summary>
    public void LoadPiece(int piece, SpanContext context)
    {
        if (piece == _piece || _split is null) return;
        context.Release(_pageNumber);
        ReadPage(_split.Rows, piece, 1, context);
        _piece = piece;
    }

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
        for (var span = _span; span < _page.SpanCount && _page.Trace[span] == _row; span++)
            weight.Add(SpanWeight.Bound(_page, span, _longestText));
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
        while (true)
        {
            while (_ranges.First is null)
            {
                if (_nextRowGroup == _block.RowGroupCount) return false;
                OpenRowGroup(_nextRowGroup++);
            }

            var range = _ranges.First.Value;
            _ranges.RemoveFirst();
            _rangeStart = range.Start;
            (_split, _piece) = (null, 0);
            if (range.FirstSpans is { } firstSpans)
            {
                _split = Read((Cursor: this, Row: range.Start, FirstSpans: firstSpans),
                    static split => split.Cursor.Split(split.Row, split.FirstSpans));
                ReadPage(_split.Rows, 0, 1, context);
                return true;
            }

            if (TryReadRange(range, context)) return true;
        }
    }

    // False: its rows are to be weighed first, and stand at the front anew.
    private bool TryReadRange(RowRange range, SpanContext context)
    {
        var isRead = Read((Cursor: this, Range: range), static read =>
        {
            var (rows, row) = (read.Cursor._rows!, read.Range);
            if (!row.IsWeighed && read.Cursor.HasLargePage(row)) return false;
            return rows.TryReadInto(read.Cursor._page, row.Start, row.Count, BatchColumns.All,
                row.IsWeighed ? int.MaxValue : (int)Math.Clamp(read.Cursor._limits.Entries / RangeSpansPart, 1, int.MaxValue));
        });
        if (isRead) EnterPage(context);
        else Read(
            (Cursor: this, Range: range), static weigh => BlockReadException.Guard(weigh, static weigh => weigh.Cursor.Weigh(weigh.Range)));
        return isRead;
    }

    private void ReadPage(RowGroupReader rows, long start, int count, SpanContext context)
    {
        Read((Rows: rows, Page: _page, Start: start, Count: count), static read =>
        {
            read.Rows.ReadInto(read.Page, read.Start, read.Count, BatchColumns.All);
            return read.Page;
        });
        EnterPage(context);
    }

    private void EnterPage(SpanContext context)
    {
        _row = _span = 0;
        _longestText = -1;
        _merge.Owners.Unify(_page);
        EnterContext(context);
    }

    private bool HasLargePage(RowRange range) =>
        Leaves().Any(leaf => leaf.HasPageBeyond(_limits.TextBytes / PageBytesPart, range.Start, range.Count));

    // To the front: rows that may be read, as ranges, and each that may not, by itself.
    private int Weigh(RowRange range)
    {
        var shares = RowShares.Of(Leaves(), Version, range.Start, range.Count, _limits);
        var weighed = new List<RowRange>();
        var (first, share) = (0, 0.0);
        for (var row = 0; row < range.Count; row++)
        {
            var own = shares.OfRow(row);
            var isLarge = own > MaxShare && shares.Pieces(row).Count > 1;
            if (row > first && (isLarge || share + own > 1))
            {
                weighed.Add(new RowRange(range.Start + first, row - first, IsWeighed: true));
                (first, share) = (row, 0);
            }

            share += own;
            if (!isLarge) continue;
            weighed.Add(new RowRange(range.Start + row, 1, IsWeighed: true) { FirstSpans = shares.Pieces(row) });
            (first, share) = (row + 1, 0);
        }

        if (first < range.Count) weighed.Add(new RowRange(range.Start + first, range.Count - first, IsWeighed: true));
        for (var i = weighed.Count - 1; i >= 0; i--) _ranges.AddFirst(weighed[i]);
        return weighed.Count;
    }

    private SplitRow Split(long row, IReadOnlyList<int> firstSpans) => _merge.Split(
        _block.Meta.BlockId, RowGroup, row,
        path => BlockReadException.Guard((Cursor: this, Row: row, FirstSpans: firstSpans, Path: path), static split =>
            RowSplitter.Split(split.Cursor._block, split.Cursor.Leaves(), split.Cursor.Schema, split.Row, split.FirstSpans, split.Path,
                split.Cursor._memory)));

    private BlockVersion Version => BlockVersion.Get(_block.Meta.Format);

    private Parquet.ParquetSchema Schema => Version.ReadSchema(_block.File.Schema, _block.Meta.DedicatedColumns);

    private IReadOnlyList<Parquet.ColumnReader> Leaves() => _leaves ??= _rows!.Leaves(Schema);

    private void OpenRowGroup(int group)
    {
        _rows = Read((Block: _block, Group: group, Memory: _memory), static open => open.Block.OpenRowGroup(open.Group, open.Memory));
        _leaves = null;
        if (_only is not null)
        {
            EnqueueOnly(_only);
            return;
        }

        var bytesPerRow = _block.RowGroupBytes(group) / Math.Max(1, _rows.RowCount) + 1;
        var mostRows = Math.Max(1, MaxRangeBytes / bytesPerRow);
        foreach (var (start, count) in Read(_rows, static rows => rows.ScanRanges()))
        {
            var parts = (count + mostRows - 1) / mostRows;
            var rows = (count + parts - 1) / parts;
            for (long done = 0; done < count; done += rows)
                _ranges.AddLast(new RowRange(start + done, (int)Math.Min(rows, count - done), IsWeighed: _block.HasOwnTrees));
        }
    }

    private void EnqueueOnly(IReadOnlySet<TraceId> only)
    {
        var ids = new List<TraceId>();
        Read((Rows: _rows!, Ids: ids), static read =>
        {
            read.Rows.ReadTraceIds(read.Ids);
            return read.Ids;
        });
        for (var row = 0; row < ids.Count; row++)
            // The first part has weighed them all.
            if (only.Contains(ids[row]))
                _ranges.AddLast(new RowRange(
                    row, 1, IsWeighed: true)
                { FirstSpans = _merge.IsSplit(_block.Meta.BlockId, RowGroup, row) ? [] : null });
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

    /// <summary>
    /// Rows of the current row group; one row that is too large, where its pieces begin. Of blocks of ours the writer has weighed them.
    /// </summary>
    private readonly record struct RowRange(long Start, int Count, bool IsWeighed)
    {
        public IReadOnlyList<int>? FirstSpans { get; init; }
    }
}
