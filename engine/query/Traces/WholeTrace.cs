using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>A found trace that is in memory, whole and ordered.</summary>
/// <param name="trace">Complete; null if there is none.</param>
/// <param name="inspectedBytes">See <see cref="FoundTrace.InspectedBytes"/>.</param>
/// <param name="damage">See <see cref="FoundTrace.Damage"/>.</param>
/// <param name="alone">Batches that nobody else reads, to be used again with the trace's own memory once this is disposed; null:
/// neither.</param>
public sealed class WholeTrace(OrderedTrace? trace, ulong inspectedBytes, string damage, List<SpanBatch>? alone = null) : FoundTrace
{
    private readonly SharedSpanIds? _ids = trace is null ? null : SharedSpanIds.Of(trace);
    private bool[]? _kept;
    private PrunedSpans? _summaries;
    private bool _isDisposed;
    private int _next;
    private int _spanCount = trace?.SpanCount ?? 0;

    public override int SpanCount => _spanCount;

    public override ulong InspectedBytes => inspectedBytes;

    public override string Damage => damage;

    public override bool IsAtEnd => trace is null || _next == trace.SpanCount;

    public override bool Keep(TraceFilter filter)
    {
        if (trace is null) return false;
        _kept = filter.Apply(trace);
        _spanCount = _kept.AsSpan(0, trace.SpanCount).Count(true);
        return _spanCount < trace.SpanCount;
    }

    public override int Prune(SpanPruning pruning)
    {
        if (trace is null) return 0;
        var pruned = pruning.Apply(trace, _kept);
        (_kept, _summaries) = (pruned.Kept, pruned);
        _spanCount -= pruned.PrunedCount;
        return pruned.PrunedCount;
    }

    public override void Dispose()
    {
        if (alone is not null && trace is not null && !_isDisposed)
        {
            ScratchPools.Traces.Return(alone);
            ScratchPools.Orders.Return(trace);
        }

        _isDisposed = true;
        base.Dispose();
    }

    public override void WritePart(NativeBuffer output, int maxBytes)
    {
        if (trace is not null) _next = OtlpTraceWriter.WritePart(trace, _next, maxBytes, _kept, _ids, output, _summaries);
    }
}
