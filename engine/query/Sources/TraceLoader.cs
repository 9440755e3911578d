using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Brings whole traces together from all sources of one query. A damaged block is left out and makes the answer partial.
/// Not thread safe.
/// </summary>
/// <param name="sources">Where traces are.</param>
/// <param name="columns">What is read of them from blocks.</param>
/// <param name="manyTraces">Whether more than a few traces are asked for; then whole pages are read and kept.</param>
public sealed class TraceLoader(TraceSources sources, BatchColumns columns, bool manyTraces)
{
    /// <summary>Batches of blocks that one numbering of resources may span; beyond, it begins anew, and lets go of the old ones.</summary>
    private const int MaxNumberedBatches = 64;

    private readonly BlockPages _pages = new(columns);
    private readonly Dictionary<SpanBatch, int> _numbers = [];
    private readonly List<int> _rows = [];
    private OrderedTrace _trace = new(new SpanContext());

    /// <summary>Block bytes behind what was read, roughly: the row groups' share of the rows.</summary>
    public ulong InspectedBytes => _pages.ReadBytes;

    /// <summary>What could not be read, empty if nothing.</summary>
    public string Damage { get; private set; } = sources.Damage;

    /// <summary>
    /// The whole trace, or null if no source has it; good until the next call. <paramref name="blocks"/> are the open blocks to
    /// look in.
    /// </summary>
    public OrderedTrace? Load(TraceId id, IReadOnlyList<BlockReader> blocks)
    {
        if (_trace.Context.Batches.Count > sources.Live.Count + MaxNumberedBatches)
        {
            _trace = new OrderedTrace(new SpanContext());
            _numbers.Clear();
        }

        if (sources.Hidden.Contains(id)) return null;
        _trace.Begin(id);
        AddFromLive(id);
        foreach (var block in blocks) AddFromBlock(block, id);
        if (_trace.IsEmpty) return null;
        _trace.Complete();
        return _trace;
    }

    /// <summary>The reader of a row group, shared with the look-ups.</summary>
    public RowGroupReader OpenRowGroup(BlockReader block, int group) => _pages.OpenRowGroup(block, group);

    /// <summary>Says that a block could not be read; the first one is kept for the answer.</summary>
    public void ReportDamage(BlockMeta block, BlockReadException what)
    {
        if (!what.IsGone) ReportDamage(block, what.Message);
    }

    /// <summary>The same, of a block that is there.</summary>
    public void ReportDamage(BlockMeta block, string what)
    {
        if (Damage.Length == 0) Damage = $"block {block.BlockId} could not be read: {what}";
    }

    private void AddFromLive(TraceId id)
    {
        foreach (var view in sources.Live)
        {
            _rows.Clear();
            view.Batch.CollectTrace(id, view.SpanCount, _rows);
            if (_rows.Count == 0) continue;
            var number = NumberOf(view.Columns);
            foreach (var row in _rows) _trace.Add(new SpanRef(number, row));
        }
    }

    private void AddFromBlock(BlockReader block, TraceId id)
    {
        if (!block.MayContain(id)) return;
        try
        {
            if (manyTraces)
            {
                if (_pages.FindOnPage(block, id) is var (page, trace)) AddSpans(page, trace);
            }
            else if (_pages.FindAlone(block, id) is { } alone)
            {
                AddSpans(alone, trace: 0);
            }
        }
        catch (BlockReadException e)
        {
            ReportDamage(block.Meta, e);
        }
    }

    // In a batch from a block the spans of a trace lie together, in the order of the traces.
    private void AddSpans(SpanBatch batch, int trace)
    {
        var number = NumberOf(batch);
        var span = FirstSpan(batch, trace);
        for (; span < batch.SpanCount && batch.Trace[span] == trace; span++) _trace.Add(new SpanRef(number, span));
    }

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
