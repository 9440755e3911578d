using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>Makes the answer for one trace: what it is, which spans matched, and the fields the query named (TraceQL §5.3).</summary>
internal sealed class TraceDescriber(OrderedTrace trace, SearchPlan plan)
{
    /// <summary>A trace listed without its spans.</summary>
    public TraceSearchResult Describe() => new()
    {
        TraceId = trace.Id,
        RootServiceName = trace.Root < 0 ? null : ServiceOf(trace.Root),
        RootTraceName = trace.Root < 0 ? null : NameOf(trace.Root),
        StartTimeUnixNano = trace.StartUnixNano,
        DurationMs = (uint)Math.Min((trace.EndUnixNano - trace.StartUnixNano) / 1_000_000, uint.MaxValue),
    };

    /// <summary>A trace with what the query found in it; at most <paramref name="spansPerSpanSet"/> spans of each set.</summary>
    public TraceSearchResult Describe(List<Spanset> sets, int spansPerSpanSet)
    {
        var result = Describe();
        foreach (var set in sets) result.SpanSets.Add(DescribeSet(set, spansPerSpanSet));
        AddServiceStats(result);
        return result;
    }

    private SpanSetResult DescribeSet(Spanset set, int spansPerSpanSet)
    {
        var result = new SpanSetResult { Matched = (uint)set.Spans.Count };
        result.Attributes.AddRange(set.Attributes);
        var byStart = set.Spans.ConvertAll(index => (Start: trace.Batch(index).StartUnixNano[trace.Spans[index].Span], index));
        byStart.Sort();
        foreach (var (_, index) in byStart.Take(spansPerSpanSet)) result.Spans.Add(DescribeSpan(index));
        return result;
    }

    private SpanResult DescribeSpan(int index)
    {
        var batch = trace.Batch(index);
        var row = trace.Spans[index].Span;
        var span = new SpanResult
        {
            SpanId = new SpanId(batch.SpanId[row]),
            Name = plan.ShowsName ? NameOf(index) : null,
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

    private void AddServiceStats(TraceSearchResult result)
    {
        var stats = new SortedDictionary<string, (uint Spans, uint Errors)>(StringComparer.Ordinal);
        for (var i = 0; i < trace.SpanCount;)
        {
            // The spans of a resource stand together.
            var service = ServiceOf(i);
            var (spans, errors) = stats.GetValueOrDefault(service);
            do
            {
                spans++;
                if ((trace.Batch(i).Status[trace.Spans[i].Span] & SpanBatch.StatusCodeMask) == SpanBatch.StatusError) errors++;
            }
            while (++i < trace.SpanCount && trace.Starts[i] != OrderedTrace.StartsResource);
            stats[service] = (spans, errors);
        }

        foreach (var (service, (spans, errors)) in stats) result.ServiceStats.Add(new ServiceStatsResult(service, spans, errors));
    }

    private string NameOf(int index) => Text(trace.Batch(index).Name[trace.Spans[index].Span]);

    private string ServiceOf(int index)
    {
        var batch = trace.Batch(index);
        return Text(batch.Resources.ServiceName[batch.Resource[trace.Spans[index].Span]]);
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
