using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node;

/// <summary>
/// A trace is one row of a block, and all of a row's values lie in one page of each column, whose size has a limit for
/// every reader. A trace that does not fit is written as several parts, each to a block of its own; readers bring the
/// spans of a trace together from all blocks anyway. So no trace, however large, can keep a generation from being cut.
/// <code>
/// 1  for each trace a cheap upper bound: what its spans carry, times the longest string there
/// 2  traces that may be too large are put together, weighed span by span, and divided where a part is full
/// 3  part 0 holds all other traces and the first part of these; part n what is left of the traces with n + 1 parts
/// </code>
/// Ordinarily step 1 finds none, and there is one part.
/// </summary>
internal sealed class TraceParts
{
    private readonly IReadOnlyList<LiveBatchView> _batches;

    // For a divided trace: where in its ordered spans each part begins, and at last their number.
    private readonly Dictionary<TraceId, List<int>> _bounds = [];

    private TraceParts(IReadOnlyList<LiveBatchView> batches) => _batches = batches;

    /// <summary>Blocks that the batches become.</summary>
    public int Count { get; private set; } = 1;

    /// <summary>Divides what must be divided. For batches that are not appended to any more.</summary>
    public static TraceParts Plan(IReadOnlyList<LiveBatchView> batches, RowLimits limits)
    {
        var parts = new TraceParts(batches);
        var context = new SpanContext();
        foreach (var view in batches) context.Add(view.Columns);
        var trace = new OrderedTrace(context);
        foreach (var id in FindLarge(batches, limits))
        {
            parts.Assemble(trace, id);
            parts.Divide(trace, limits);
        }

        return parts;
    }

    /// <summary>Visits the traces of one part in ascending order of their ids.</summary>
    public void ForEach(int part, Action<OrderedTrace> visit)
    {
        OrderedTrace? piece = null;
        LiveTraces.ForEach(_batches, trace =>
        {
            if (!_bounds.TryGetValue(trace.Id, out var bounds))
            {
                if (part == 0) visit(trace);
            }
            else if (part + 1 < bounds.Count)
            {
                piece ??= new OrderedTrace(trace.Context);
                piece.Begin(trace.Id);
                foreach (var span in trace.Spans.AsSpan(bounds[part]..bounds[part + 1])) piece.Add(span);
                piece.Complete();
                visit(piece);
            }
        });
    }

    // What a trace has in n batches exceeds a limit only if it exceeds an nth of it in one of them, which hardly any does: no more is noted
    // of the others.
    private static IEnumerable<TraceId> FindLarge(IReadOnlyList<LiveBatchView> batches, RowLimits limits)
    {
        var count = Math.Max(1, batches.Count);
        var part = new RowLimits(limits.Entries / count, limits.TextBytes / count);
        var bounds = new Dictionary<TraceId, RowWeight>();
        ForEachBound(batches, (id, weight) =>
        {
            if (weight.Exceeds(part)) bounds[id] = default;
        });
        if (bounds.Count == 0) return [];
        ForEachBound(batches, (id, weight) =>
        {
            if (!bounds.TryGetValue(id, out var bound)) return;
            bound.Add(weight);
            bounds[id] = bound;
        });
        return bounds.Where(trace => trace.Value.Exceeds(limits)).Select(static trace => trace.Key);
    }

    private static void ForEachBound(IReadOnlyList<LiveBatchView> batches, Action<TraceId, RowWeight> visit)
    {
        RowWeight[] memory = [];
        foreach (var (batch, spanCount) in batches)
        {
            var columns = batch.Columns;
            GrowableArray.Reserve(ref memory, columns.TraceCount);
            var weights = memory.AsSpan(0, columns.TraceCount);
            weights.Clear();
            var longest = SpanWeight.LongestText(columns);
            var items = SpanWeight.ArrayItems(columns);
            for (var row = 0; row < spanCount; row++) weights[columns.Trace[row]].Add(SpanWeight.Bound(columns, row, longest));
            for (var trace = 0; trace < weights.Length; trace++)
            {
                weights[trace].Add(new RowWeight(items, items * longest)); // whose they are is not looked at
                visit(columns.TraceIds[trace], weights[trace]);
            }
        }
    }

    private void Divide(OrderedTrace trace, RowLimits limits)
    {
        var bounds = new List<int> { 0 };
        var weight = default(RowWeight);
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var span = SpanWeight.Of(trace.Batch(i), trace.Spans[i].Span);
            weight.Add(span);
            if (!weight.Exceeds(limits) || i == bounds[^1]) continue;
            bounds.Add(i);
            weight = span;
        }

        if (bounds.Count == 1) return;
        Count = Math.Max(Count, bounds.Count);
        bounds.Add(trace.SpanCount);
        _bounds.Add(trace.Id, bounds);
    }

    private void Assemble(OrderedTrace trace, TraceId id)
    {
        var rows = new List<int>();
        trace.Begin(id);
        for (var number = 0; number < _batches.Count; number++)
        {
            rows.Clear();
            _batches[number].Batch.CollectTrace(id, _batches[number].SpanCount, rows);
            foreach (var row in rows) trace.Add(new SpanRef(number, row));
        }

        trace.Complete();
    }
}
