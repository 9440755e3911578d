using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Walks the traces of live batches in ascending order of their ids: what the block writer wants. The trace tables of the
/// batches are sorted once; the spans of a trace are then found by its chain in each batch. For batches that are not appended
/// to any more.
/// </summary>
public static class LiveTraces
{
    // Traces between asking for memory and reading it: a trace takes some 15 µs, a miss a tenth of one.
    private const int LinksAhead = 3;
    private const int SpansAhead = 2;
    private const int AttributesAhead = 1;

    /// <summary>
    /// Calls <paramref name="visit"/> for each trace. The same <see cref="OrderedTrace"/> is used again each time. The batches come
    /// into a context of their own, or behind those of the given one.
    /// </summary>
    public static void ForEach(IReadOnlyList<LiveBatchView> batches, Action<OrderedTrace> visit, SpanContext? context = null)
    {
        context ??= new SpanContext();
        var first = context.Batches.Count;
        foreach (var view in batches) context.Add(view.Columns);
        var (ids, places) = Sort(batches);
        var trace = new OrderedTrace(context);
        for (var i = 0; i < ids.Length;)
        {
            var id = ids[i];
            trace.Begin(id);
            for (; i < ids.Length && ids[i] == id; i++)
            {
                Prefetch(batches, places, i);
                AddSpans(trace, batches[places[i].Batch], first, places[i]);
            }

            if (!trace.IsEmpty)
            {
                trace.Complete();
                visit(trace);
            }
        }
    }

    private static (TraceId[] Ids, (int Batch, int Trace)[] Places) Sort(IReadOnlyList<LiveBatchView> batches)
    {
        var count = batches.Sum(static view => view.Columns.TraceCount);
        var ids = new TraceId[count];
        var places = new (int Batch, int Trace)[count];
        var n = 0;
        for (var b = 0; b < batches.Count; b++)
        {
            var columns = batches[b].Columns;
            for (var t = 0; t < columns.TraceCount && n < count; t++)
            {
                ids[n] = columns.TraceIds[t];
                places[n++] = (b, t);
            }
        }

        Array.Sort(ids, places, 0, n);
        return (ids[..n], places);
    }

    private static void Prefetch(IReadOnlyList<LiveBatchView> batches, (int Batch, int Trace)[] places, int i)
    {
        if (i + LinksAhead < places.Length)
            TracePrefetch.Links(batches[places[i + LinksAhead].Batch], LastSpan(batches, places[i + LinksAhead]));
        if (i + SpansAhead < places.Length)
            TracePrefetch.Spans(batches[places[i + SpansAhead].Batch], LastSpan(batches, places[i + SpansAhead]));
        if (i + AttributesAhead < places.Length)
            TracePrefetch.Attributes(batches[places[i + AttributesAhead].Batch], LastSpan(batches, places[i + AttributesAhead]));
    }

    // -1 if none of its spans is in the view.
    private static int LastSpan(IReadOnlyList<LiveBatchView> batches, (int Batch, int Trace) place)
    {
        var view = batches[place.Batch];
        var last = view.Batch.LastSpanOfTrace;
        return place.Trace < last.Length && last[place.Trace] < view.SpanCount ? last[place.Trace] : -1;
    }

    private static void AddSpans(OrderedTrace trace, LiveBatchView view, int firstNumber, (int Batch, int Trace) place)
    {
        var last = view.Batch.LastSpanOfTrace;
        if (place.Trace >= last.Length) return;
        for (var span = last[place.Trace]; span >= 0; span = view.Batch.PreviousSpan[span])
            if (span < view.SpanCount)
                trace.Add(new SpanRef(firstNumber + place.Batch, span));
    }
}
