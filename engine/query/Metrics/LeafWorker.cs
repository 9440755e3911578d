using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Compare;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>One part of a metrics query on one thread: chooses spans and counts them.</summary>
internal sealed class LeafWorker
{
    private const string OutsideTime = "outside the time asked for";

    private readonly LeafPlan _leaf;
    private readonly TimeAxis _axis;
    private readonly KernelKind _kernel;
    private readonly RowFilter? _filter;
    private readonly SpansetSource? _pipeline;
    private readonly SpanFilter? _candidates;
    private readonly Patience _patience = new();
    private int[] _rows = [];
    private int[] _intervals = [];

    public LeafWorker(LeafPlan leaf, MetricsOptions options)
    {
        _leaf = leaf;
        (_axis, _kernel) = (options.Axis, options.Kernel);
        Accumulator = NewAccumulator(leaf, options);
        if (!leaf.IsByTrace) _filter = RowFilter.Of(leaf.Source, options.Kernel);
        // Whole traces are asked as a search asks them; but where each span decides, span by span.
        if (leaf.IsByTrace || RowFilter.IsJoined(leaf.Source)) _pipeline = PipelineCompiler.Compile(leaf.Source, [], _patience);
        if (leaf.IsByTrace || leaf.NeedsTraces) _candidates = SpanFilter.Create(CandidateFilter.Of(leaf.Source), options.Kernel);
    }

    /// <summary>An empty one, for what the part counts.</summary>
    public static SpanAccumulator NewAccumulator(LeafPlan leaf, MetricsOptions options) => leaf.Stage switch
    {
        MetricsCompare => new CompareAccumulator(leaf, options),
        MetricsFunction { Kind: MetricsFunctionKind.CountTraces or MetricsFunctionKind.RateTraces } =>
            new TraceCountAccumulator(leaf, options),
        MetricsFunction { Kind: MetricsFunctionKind.CountDistinct } => new DistinctAccumulator(leaf, options),
        _ => new FunctionAccumulator(leaf, options),
    };

    public bool IsByTrace => _leaf.IsByTrace;

    public bool NeedsTraces => _leaf.NeedsTraces;

    /// <summary>Do pages of the block know all that is asked of a trace, if it lies there alone?</summary>
    public bool IsKnownBy(QueryBlock? block, SpanBatch batch) =>
        block is { HasOwnTrees: true } && batch.Loader is not null && (!_leaf.NeedsChildCounts || block.HasChildCounts);

    /// <summary>From now on counting ends, within a millisecond or so, when this is cancelled.</summary>
    public void Watch(CancellationToken cancellation)
    {
        _patience.Cancellation = cancellation;
        _filter?.Watch(cancellation);
        _candidates?.Watch(cancellation);
    }

    public SpanAccumulator Accumulator { get; }

    /// <summary>
    /// Counts the spans of a batch that match and lie in the range; those of traces that <paramref name="isLeftOut"/> (by the
    /// batch's trace numbers; null: none) are counted elsewhere, as are the rows of which <paramref name="copies"/> has bits.
    /// <paramref name="hasCounted"/> becomes true if there are any. False, with nothing counted, if the page cannot say how spans stand to
    /// each other.
    /// </summary>
    public bool TryAddRows(SpanBatch batch, int spanCount, bool[]? isLeftOut, ulong[]? copies, ref bool hasCounted)
    {
        if (spanCount == 0 || isLeftOut is not null && !isLeftOut.AsSpan().Contains(false)) return true;
        RentedArray.Reserve(ref _rows, spanCount);
        RentedArray.Reserve(ref _intervals, spanCount);
        int kept;
        if (_filter!.MatchesAll)
        {
            batch.Require(BatchColumns.Starts);
            if (isLeftOut is null && batch.Loader is not null && _kernel != KernelKind.Scalar && Accumulator.CanAddAll)
            {
                if (!_axis.HasAny(batch.StartUnixNano.AsSpan(0, spanCount))) return true;
                batch.Require(_leaf.StageColumns);
                if (Accumulator.TryAddAll(batch)) return hasCounted = true;
            }

            kept = _axis.SelectFirst(_kernel, spanCount, batch.StartUnixNano, batch.Trace, isLeftOut, _rows, _intervals);
        }
        else
        {
            if (!TrySelect(batch, spanCount, out var count)) return false;
            if (count == 0) return true;
            batch.Require(BatchColumns.Starts);
            kept = _axis.Select(batch.StartUnixNano, batch.Trace, isLeftOut, _rows.AsSpan(0, count), _intervals);
        }

        if (copies is not null) kept = DropCopies(copies, kept);
        if (kept == 0) return true;
        batch.Require(_leaf.StageColumns);
        Accumulator.Add(batch, _rows.AsSpan(0, kept), _intervals.AsSpan(0, kept));
        return hasCounted = true;
    }

    /// <summary>
    /// Why a row group, or page, has nothing that counts, by what is known of it without reading; null if it must be scanned.
    /// </summary>
    public string? FindExcluding(ISpanFacts facts)
    {
        // A trace counts by spans that start within the axis, so it begins before the end and ends after the start.
        var (first, last) = _candidates is null ? facts.Starts : (facts.TraceTimes.MinStartUnixNano, facts.TraceTimes.MaxEndUnixNano);
        if (!_axis.Overlaps(first, last)) return OutsideTime;
        return _candidates is null ? _filter!.FindExcluding(facts) : _candidates.FindExcluding(facts);
    }

    /// <summary>What is done, in order.</summary>
    public string Describe() => _candidates is null ? $"spans: {_filter}"
        : IsByTrace ? $"whole traces of spans: {_candidates}"
        : $"spans: {_filter}; of traces with parts elsewhere, whole traces of spans: {_candidates}";

    private bool TrySelect(SpanBatch batch, int spanCount, out int count)
    {
        using var marks = FilterScope.Rent(spanCount);
        Bitmap.Fill(marks.Bits, spanCount);
        var isKnown = _filter!.TryKeep(batch, spanCount, marks.Bits);
        count = isKnown ? Bitmap.ToRows(marks.Bits, _rows) : 0;
        return isKnown;
    }

    // Keeps the rows, and their intervals, that are not copies; returns how many.
    private int DropCopies(ulong[] copies, int count)
    {
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            if (Bitmap.Get(copies, _rows[i])) continue;
            (_rows[kept], _intervals[kept]) = (_rows[i], _intervals[i]);
            kept++;
        }

        return kept;
    }

    /// <summary>Gives scratch memory back; nothing is counted any more.</summary>
    public void Release()
    {
        RentedArray.Return(ref _rows);
        RentedArray.Return(ref _intervals);
        Accumulator.Release();
    }

    /// <summary>Marks the traces of a batch that may have spans to count; they are to be looked at whole.</summary>
    public void FindCandidates(SpanBatch batch, int spanCount, bool[] isFound)
    {
        RentedArray.Reserve(ref _rows, spanCount);
        foreach (var row in _rows.AsSpan(0, _candidates!.Select(batch, spanCount, _rows))) isFound[batch.Trace[row]] = true;
    }

    /// <summary>Counts the spans of a whole trace.</summary>
    public void AddTrace(OrderedTrace trace)
    {
        if (_pipeline is null)
        {
            for (var i = 0; i < trace.SpanCount; i++)
            {
                _patience.Look();
                if (_filter!.Matches(SpanCursor.At(trace, i))) AddSpan(trace, i);
            }
        }
        else
        {
            foreach (var set in _pipeline.Run(trace))
                foreach (var span in set.Spans)
                {
                    _patience.Look();
                    AddSpan(trace, span);
                }
        }

        Accumulator.EndTrace();
    }

    private void AddSpan(OrderedTrace trace, int index)
    {
        var span = SpanCursor.At(trace, index);
        var interval = _axis.IndexOf(span.Batch.StartUnixNano[span.Row]);
        if (interval >= 0) Accumulator.Add(span, interval);
    }
}
