using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Makes the answers: what a trace is, which spans matched, and the fields the query named (TraceQL §5.3). One thread's.
/// </summary>
internal sealed class TraceDescriber(SearchPlan plan)
{
    private readonly TextCache _texts = new();
    private readonly List<(StringTable Table, int Code, uint Spans, uint Errors)> _services = [];

    /// <summary>A trace listed without its spans.</summary>
    public TraceSearchResult Describe(OrderedTrace trace) => new()
    {
        TraceId = trace.Id,
        RootServiceName = trace.Root < 0 ? null : ServiceOf(trace, trace.Root),
        RootTraceName = trace.Root < 0 ? null : NameOf(trace, trace.Root),
        StartTimeUnixNano = trace.StartUnixNano,
        DurationNano = trace.EndUnixNano - trace.StartUnixNano,
        DurationMs = (uint)Math.Min((trace.EndUnixNano - trace.StartUnixNano) / 1_000_000, uint.MaxValue),
    };

    /// <summary>A trace with what the query found in it; at most <paramref name="spansPerSpanSet"/> spans of each set.</summary>
    public TraceSearchResult Describe(OrderedTrace trace, List<Spanset> sets, int spansPerSpanSet)
    {
        var result = Describe(trace);
        foreach (var set in sets) result.SpanSets.Add(DescribeSet(trace, set, spansPerSpanSet));
        AddServiceStats(trace, result);
        return result;
    }

    private SpanSetResult DescribeSet(OrderedTrace trace, Spanset set, int spansPerSpanSet)
    {
        var result = new SpanSetResult { Matched = (uint)set.Spans.Count };
        result.Attributes.AddRange(set.Attributes);
        // Spans ascend, and so do their starts.
        for (var i = 0; i < set.Spans.Count && i < spansPerSpanSet; i++) result.Spans.Add(DescribeSpan(trace, set.Spans[i]));
        return result;
    }

    private SpanResult DescribeSpan(OrderedTrace trace, int index)
    {
        var batch = trace.Batch(index);
        var row = trace.Spans[index].Span;
        var span = new SpanResult
        {
            SpanId = new SpanId(batch.SpanId[row]),
            Name = plan.ShowsName ? NameOf(trace, index) : null,
            StartTimeUnixNano = batch.StartUnixNano[row],
            DurationNanos = batch.DurationNano[row],
        };
        var cursor = SpanCursor.At(trace, index);
        var shown = new ShownFields();
        foreach (var filter in plan.Filters) shown.AddWhatMatched(filter, cursor);
        foreach (var reader in plan.SelectedReaders) shown.AddSelected(reader, cursor);
        shown.WriteTo(span.Attributes);
        return span;
    }

    private void AddServiceStats(OrderedTrace trace, TraceSearchResult result)
    {
        _services.Clear();
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var batch = trace.Batch(i);
            var row = trace.Spans[i].Span;
            batch.Require(BatchColumns.ResourceServiceNames);
            var names = batch.Resources.ServiceName;
            ref var service = ref ServiceEntry(names.Table, names.Codes[batch.Resource[row]]);
            service.Spans++;
            if ((batch.Status[row] & SpanBatch.StatusCodeMask) == SpanBatch.StatusError) service.Errors++;
        }

        foreach (var (table, code, spans, errors) in _services) Add(result.ServiceStats, new ServiceStatsResult(_texts.Of(table, code), spans, errors));
        result.ServiceStats.Sort(static (a, b) => string.CompareOrdinal(a.ServiceName, b.ServiceName));
    }

    // A trace has few services, and their spans come in runs.
    private ref (StringTable Table, int Code, uint Spans, uint Errors) ServiceEntry(StringTable table, int code)
    {
        var known = CollectionsMarshal.AsSpan(_services);
        for (var i = known.Length - 1; i >= 0; i--)
            if (known[i].Code == code && ReferenceEquals(known[i].Table, table))
                return ref known[i];
        _services.Add((table, code, 0, 0));
        return ref CollectionsMarshal.AsSpan(_services)[^1];
    }

    // The same name may stand in the tables of several sources.
    private static void Add(List<ServiceStatsResult> stats, ServiceStatsResult service)
    {
        var known = stats.FindIndex(other => other.ServiceName == service.ServiceName);
        if (known < 0) stats.Add(service);
        else stats[known] = new ServiceStatsResult(service.ServiceName, stats[known].SpanCount + service.SpanCount, stats[known].ErrorCount + service.ErrorCount);
    }

    private string NameOf(OrderedTrace trace, int index)
    {
        var batch = trace.Batch(index);
        batch.Require(BatchColumns.Name);
        return _texts.Of(batch.Name, trace.Spans[index].Span);
    }

    private string ServiceOf(OrderedTrace trace, int index)
    {
        var batch = trace.Batch(index);
        batch.Require(BatchColumns.ResourceServiceNames);
        return _texts.Of(batch.Resources.ServiceName, batch.Resource[trace.Spans[index].Span]);
    }
}
