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
internal sealed class TraceDescriber
{
    /// <summary>Services of a trace up to which one is found by looking through them: mostly it is the one before.</summary>
    private const int MaxLookedThrough = 64;

    private readonly SearchPlan _plan;
    private readonly TextCache _texts = new();
    private readonly ShownFields _shown;
    private readonly List<(StringTable Table, int Code, uint Spans, uint Errors)> _services = [];
    private readonly Dictionary<(StringTable Table, int Code), int> _placeOfService = []; // of those beyond MaxLookedThrough
    private readonly List<ServiceStatsResult> _stats = [];

    public TraceDescriber(SearchPlan plan)
    {
        _plan = plan;
        _shown = new ShownFields(_texts);
    }

    /// <summary>A trace listed without its spans.</summary>
    public TraceSearchResult Describe(OrderedTrace trace) => Describe(trace, [], []);

    private TraceSearchResult Describe(OrderedTrace trace, SpanSetResult[] sets, ServiceStatsResult[] services) => new()
    {
        TraceId = trace.Id,
        RootServiceName = trace.Root < 0 ? null : ServiceOf(trace, trace.Root),
        RootTraceName = trace.Root < 0 ? null : NameOf(trace, trace.Root),
        StartTimeUnixNano = trace.StartUnixNano,
        DurationNano = trace.EndUnixNano - trace.StartUnixNano,
        DurationMs = (uint)Math.Min((trace.EndUnixNano - trace.StartUnixNano) / 1_000_000, uint.MaxValue),
        SpanSets = sets,
        ServiceStats = services,
    };

    /// <summary>A trace with what the query found in it; at most <paramref name="spansPerSpanSet"/> spans of each set.</summary>
    public TraceSearchResult Describe(OrderedTrace trace, List<Spanset> sets, int spansPerSpanSet)
    {
        var described = new SpanSetResult[sets.Count];
        for (var i = 0; i < described.Length; i++) described[i] = DescribeSet(trace, sets[i], spansPerSpanSet);
        return Describe(trace, described, ServiceStats(trace));
    }

    /// <summary>A trace whose spans lie together in a batch of a block, which knows its root.</summary>
    public TraceSearchResult Describe(SpanBatch batch, int trace, bool hasRoot, SpanSetResult[] sets, ServiceStatsResult[] services) =>
        new()
        {
            TraceId = batch.TraceIds[trace],
            RootServiceName = hasRoot ? _texts.Of(batch.RootServiceName, trace) : null,
            RootTraceName = hasRoot ? _texts.Of(batch.RootName, trace) : null,
            StartTimeUnixNano = batch.TraceStart[trace],
            DurationNano = batch.TraceEnd[trace] - batch.TraceStart[trace],
            DurationMs = (uint)Math.Min((batch.TraceEnd[trace] - batch.TraceStart[trace]) / 1_000_000, uint.MaxValue),
            SpanSets = sets,
            ServiceStats = services,
        };

    /// <summary>The spans of one set by their rows, in their order; the trace's facts are not known.</summary>
    public SpanSetResult DescribeSet(SpanBatch batch, ReadOnlySpan<int> rows, int matched, AttributeResult[] attributes)
    {
        var spans = new SpanResult[rows.Length];
        for (var i = 0; i < rows.Length; i++) spans[i] = DescribeSpan(SpanCursor.At(batch, rows[i]));
        return new SpanSetResult { Spans = spans, Matched = (uint)matched, Attributes = attributes };
    }

    private SpanSetResult DescribeSet(OrderedTrace trace, Spanset set, int spansPerSpanSet)
    {
        // Spans ascend, and so do their starts.
        var spans = new SpanResult[Math.Min(set.Spans.Count, spansPerSpanSet)];
        for (var i = 0; i < spans.Length; i++) spans[i] = DescribeSpan(SpanCursor.At(trace, set.Spans[i]));
        return new SpanSetResult { Spans = spans, Matched = (uint)set.Spans.Count, Attributes = [.. set.Attributes] };
    }

    private SpanResult DescribeSpan(in SpanCursor cursor)
    {
        _plan.Look();
        var (batch, row) = (cursor.Batch, cursor.Row);
        if (_plan.ShowsName) batch.Require(BatchColumns.Name);
        _shown.Clear();
        foreach (var filter in _plan.Filters) _shown.AddWhatMatched(filter, cursor);
        foreach (var reader in _plan.SelectedReaders) _shown.AddSelected(reader, cursor);
        return new SpanResult
        {
            SpanId = new SpanId(batch.SpanId[row]),
            Name = _plan.ShowsName ? _texts.Of(batch.Name, row) : null,
            StartTimeUnixNano = batch.StartUnixNano[row],
            DurationNanos = batch.DurationNano[row],
            Attributes = _shown.ToArray(),
        };
    }

    private ServiceStatsResult[] ServiceStats(OrderedTrace trace)
    {
        BeginServices();
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var batch = trace.Batch(i);
            batch.Require(BatchColumns.ResourceServiceNames);
            CountService(batch, trace.Spans[i].Span);
        }

        return ToServiceStats();
    }

    /// <summary>Counts the spans of a trace that lie together in a batch.</summary>
    public ServiceStatsResult[] ServiceStats(SpanBatch batch, int first, int end)
    {
        BeginServices();
        for (var row = first; row < end; row++) CountService(batch, row);
        return ToServiceStats();
    }

    private void BeginServices()
    {
        _services.Clear();
        if (_placeOfService.Count > 0) _placeOfService.Clear();
    }

    private void CountService(SpanBatch batch, int row)
    {
        var names = batch.Resources.ServiceName;
        ref var service = ref ServiceEntry(names.Table, names.Codes[batch.Resource[row]]);
        service.Spans++;
        if ((batch.Status[row] & SpanBatch.StatusCodeMask) == SpanBatch.StatusError) service.Errors++;
    }

    // By name. The same name may stand in the tables of several sources.
    private ServiceStatsResult[] ToServiceStats()
    {
        _stats.Clear();
        foreach (var (table, code, spans, errors) in _services) _stats.Add(new ServiceStatsResult(_texts.Of(table, code), spans, errors));
        _stats.Sort(static (a, b) => string.CompareOrdinal(a.ServiceName, b.ServiceName));
        var all = CollectionsMarshal.AsSpan(_stats);
        var count = 0;
        foreach (var next in all)
        {
            if (count == 0 || all[count - 1].ServiceName != next.ServiceName) all[count++] = next;
            else all[count - 1] = new ServiceStatsResult(
                next.ServiceName, all[count - 1].SpanCount + next.SpanCount, all[count - 1].ErrorCount + next.ErrorCount);
        }

        return all[..count].ToArray();
    }

    // A trace has few services, and their spans come in runs.
    private ref (StringTable Table, int Code, uint Spans, uint Errors) ServiceEntry(StringTable table, int code)
    {
        var known = CollectionsMarshal.AsSpan(_services);
        for (var i = known.Length - 1; i >= Math.Max(0, known.Length - MaxLookedThrough); i--)
            if (known[i].Code == code && ReferenceEquals(known[i].Table, table))
                return ref known[i];
        if (known.Length >= MaxLookedThrough)
        {
            if (known.Length == MaxLookedThrough)
                for (var i = 0; i < known.Length; i++)
                    _placeOfService.Add((known[i].Table, known[i].Code), i);
            ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_placeOfService, (table, code), out var isKnown);
            if (isKnown) return ref known[place];
            place = known.Length;
        }

        _services.Add((table, code, 0, 0));
        return ref CollectionsMarshal.AsSpan(_services)[^1];
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
