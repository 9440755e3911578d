using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Brings whole traces together from all sources of one query. A damaged block is left out and makes the answer partial.
/// Not thread safe.
/// </summary>
public sealed class TraceLoader
{
    /// <summary>Batches of blocks that one numbering of resources may span; beyond, it begins anew, and lets go of the old ones.</summary>
    private const int MaxNumberedBatches = 64;

    private readonly QueryBlocks _blocks;
    private readonly TraceNeeds? _needs;
    private readonly BlockPages _pages;
    private readonly Dictionary<SpanBatch, int> _numbers = [];
    private readonly List<int> _rows = [];
    private OrderedTrace _trace;
    private long _spans;
    private long _bytes;

    /// <summary>
    /// For few traces, each with whole columns, its spans grouped by resource. The memory and what is loaded into, if any, stay the
    /// caller's.
    /// </summary>
    public TraceLoader(QueryBlocks blocks, BatchColumns columns, ReadMemory? memory = null, OrderedTrace? trace = null)
    {
        _blocks = blocks;
        _trace = trace ?? new OrderedTrace();
        _pages = new BlockPages(columns, memory);
    }

    /// <summary>For few or for many traces, with whole columns.</summary>
    public TraceLoader(QueryBlocks blocks, BatchColumns columns, bool manyTraces)
    {
        _blocks = blocks;
        _trace = new OrderedTrace();
        _needs = manyTraces ? new TraceNeeds { Columns = columns, HasTree = true } : null;
        _pages = _needs is null ? new BlockPages(columns) : new BlockPages(_needs);
    }

    /// <summary>For many traces, of which pages are kept, with no more than is needed, their spans by time alone.</summary>
    public TraceLoader(QueryBlocks blocks, TraceNeeds needs)
    {
        _blocks = blocks;
        _trace = new OrderedTrace();
        _needs = needs;
        _pages = new BlockPages(needs);
    }

    /// <summary>For few traces: what one may amount to, or it is not brought together; null: anything.</summary>
    public WholeTraceLimit? WholeLimit { get; init; }

    /// <summary>The trace that was to be loaded last is larger than <see cref="WholeLimit"/>.</summary>
    public bool IsTooLarge { get; private set; }

    /// <summary>Block bytes behind what was read, roughly: the row groups' share of the rows.</summary>
    public ulong InspectedBytes => _pages.ReadBytes;

    /// <summary>
    /// Batches of traces that were found alone; who reads them no more may give them to <see cref="ScratchPools.Traces"/>.
    /// </summary>
    internal List<SpanBatch> Alone => _pages.Alone;

    /// <summary>The whole trace, or null if no source has it; good until the next call.</summary>
    public OrderedTrace? Load(TraceId id)
    {
        if (_trace.Context.Batches.Count > _blocks.Sources.Live.Count + MaxNumberedBatches)
        {
            _trace = new OrderedTrace();
            _numbers.Clear();
        }

        if (_blocks.Sources.Hidden.Contains(id)) return null;
        _pages.BeginUse();
        _trace.Begin(id);
        (IsTooLarge, _spans, _bytes) = (false, 0, 0);
        AddFromLive(id);
        var hash = SidecarHash.OfTrace(id);
        foreach (var block in _blocks.All)
            if (!IsTooLarge && block.MayContain(id, hash))
                AddFromBlock(block, id);
        if (_trace.IsEmpty || IsTooLarge) return null;
        if (_needs is null) _trace.Complete();
        else _trace.CompleteByTime(_needs.HasTree);
        return _trace;
    }

    /// <summary>The reader of a row group, shared with the look-ups.</summary>
    public RowGroupReader OpenRowGroup(QueryBlock block, int group) => _pages.OpenRowGroup(block, group);

    /// <summary>
    /// Rows of a row group to be scanned, which stay at hand for look-ups of their traces; good until the next call or look-up.
    /// </summary>
    public SpanBatch OpenPage(QueryBlock block, int group, long first, int count) => _pages.Open(block, group, first, count);

    /// <summary>Nothing is loaded any more, nor what was loaded read: others may use the memory.</summary>
    public void Release() => _pages.Release();

    private void AddFromLive(TraceId id)
    {
        foreach (var view in _blocks.Sources.Live)
        {
            _rows.Clear();
            view.Batch.CollectTrace(id, view.SpanCount, _rows);
            if (_rows.Count == 0) continue;
            Weigh(_rows.Count, 0); // live texts are in memory anyway
            if (IsTooLarge) return;
            var number = NumberOf(view.Columns);
            foreach (var row in _rows) _trace.Add(new SpanRef(number, row));
        }
    }

    private void AddFromBlock(QueryBlock block, TraceId id)
    {
        try
        {
            if (_needs is not null)
            {
                if (_pages.FindOnPage(block, id) is var (page, trace)) AddSpans(page, trace);
            }
            else if (_pages.FindAlone(
                block, id, (int)Math.Clamp((WholeLimit?.Spans ?? int.MaxValue) - _spans, 0, int.MaxValue)) is var (alone, isWhole))
            {
                Weigh(alone.SpanCount, isWhole ? alone.AttributeBytes() : 0);
                if (!IsTooLarge) AddSpans(alone, trace: 0);
            }
        }
        catch (BlockReadException e)
        {
            _blocks.Report(block.Meta, e);
        }
    }

    private void Weigh(int spans, long bytes)
    {
        (_spans, _bytes) = (_spans + spans, _bytes + bytes);
        IsTooLarge = WholeLimit is { } limit && (_spans > limit.Spans || _bytes > limit.Bytes);
    }

    // In a batch from a block the spans of a trace lie together, in the order of the traces.
    private void AddSpans(SpanBatch batch, int trace)
    {
        var number = NumberOf(batch);
        var first = FirstSpan(batch, trace);
        _trace.AddRange(number, first, FirstSpan(batch, trace + 1) - first);
    }

    // Where the spans of a trace begin, or would.
    private static int FirstSpan(SpanBatch batch, int trace)
    {
        int low = 0, high = batch.SpanCount;
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (batch.Trace[middle] < trace) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private int NumberOf(SpanBatch batch)
    {
        if (_numbers.TryGetValue(batch, out var number)) return number;
        number = _trace.Context.Add(batch);
        _numbers.Add(batch, number);
        return number;
    }
}

/// <summary>How large a trace may be that is brought together in memory.</summary>
/// <param name="Spans">Spans in all sources.</param>
/// <param name="Bytes">Bytes of attributes that are unpacked from blocks.</param>
public readonly record struct WholeTraceLimit(long Spans, long Bytes)
{
    /// <summary>
    /// Spans of a larger trace that may lie in one row, which is unpacked whole: some 600 bytes each. Blocks of this engine have rows of
    /// at most half as many; others have what their writer's limit of a trace let through.
    /// </summary>
    public const int MaxRowSpans = 1 << 20;
}
