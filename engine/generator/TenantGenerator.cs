using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.HostInfo;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator;

/// <summary>
/// The series of one tenant. Requests come from many threads and take turns: one lock for the tenant, held for the walk
/// over a request (some hundred nanoseconds a span) and for one slice of a collection at a time. Thread safe.
/// </summary>
public sealed class TenantGenerator
{
    /// <summary>Entities shown in one go, some thousand series: what a request waits for at most, a fraction of a millisecond.</summary>
    private const int SliceRows = 64;

    private readonly Lock _lock = new();

    // Requests that wait for the lock: a collection lets them through between two slices, which the lock would not, since who
    // has just let go of it is back before a waiting thread has woken up.
    private int _waiting;
    private readonly CurrentSpan _current = new();
    private readonly SpanAdmission _admission;
    private readonly ISpanProcessor[] _processors;
    private readonly SeriesTable[] _tables;
    private readonly SpanMetricsProcessor? _spans;
    private readonly ServiceGraphProcessor? _graph;
    private long _bytesReceived;
    private bool _isClosed;
    private long _refusedUnixMs;

    /// <param name="tenant">Whose spans these are.</param>
    /// <param name="settings">What is made of them.</param>
    /// <param name="duplicateFilterBytes">Memory for remembering spans; what happens at the bound stands at the filter.</param>
    public TenantGenerator(TenantId tenant, GeneratorSettings settings, int duplicateFilterBytes = 32 << 20)
    {
        Tenant = tenant;
        Settings = settings;
        // One that comes again after the slack is too old to count anyhow.
        _admission = new SpanAdmission(new DuplicateFilter(settings.IngestionSlack, duplicateFilterBytes));
        Budget = new SeriesBudget(settings.LimitedSeries, settings.LimitedEntities);
        List<ISpanProcessor> processors = [];
        var (options, form) = (settings.SeriesOptions, settings.HistogramForm);
        if (settings.Processors.SpanMetrics is var parts && parts != SpanMetricsParts.None)
            processors.Add(_spans = new SpanMetricsProcessor(settings.SpanMetrics, parts, form, Budget, options, _current));
        if (settings.Processors.ServiceGraphs is var graphParts && graphParts != ServiceGraphParts.None)
            processors.Add(_graph = new ServiceGraphProcessor(settings.ServiceGraphs, graphParts, form, Budget, options, _current));
        if (settings.Processors.HostInfo) processors.Add(new HostInfoProcessor(settings.HostInfo, Budget, options, _current));
        _processors = [.. processors];
        _tables = [.. processors.SelectMany(static processor => processor.Tables)];
    }

    public TenantId Tenant { get; }

    public GeneratorSettings Settings { get; private set; }

    internal SeriesBudget Budget { get; }

    /// <summary>Counts the spans of a request that was found sound before; false once it is closed.</summary>
    public bool Add(ReadOnlySpan<byte> request, long nowUnixMs)
    {
        // Without the lock: what it asks for comes while others have theirs.
        _admission.Prefetch(request);
        Interlocked.Increment(ref _waiting);
        lock (_lock)
        {
            Interlocked.Decrement(ref _waiting);
            if (_isClosed) return false;
            _bytesReceived += request.Length;
            _current.NowUnixMs = nowUnixMs;
            var sink = new GeneratorSink(_current, _admission, _processors);
            OtlpTraceReader.TryRead(request, ref sink, out _);
            return true;
        }
    }

    /// <summary>Takes no more spans: what it has is what a collection will show.</summary>
    public void Close()
    {
        lock (_lock) _isClosed = true;
    }

    /// <summary>
    /// Takes over from one that is closed which spans were counted, so that one sent again after a change of settings is none.
    /// </summary>
    internal void Inherit(TenantGenerator closed)
    {
        lock (_lock) _admission.Inherit(closed._admission);
    }

    /// <summary>Goes on under settings whose series are the same (<see cref="GeneratorSettings.HasSeriesOf"/>).</summary>
    internal void Apply(GeneratorSettings settings)
    {
        lock (_lock)
        {
            Settings = settings;
            _admission.Slack = settings.IngestionSlack;
            (Budget.MaxSeries, Budget.MaxEntities) = (settings.LimitedSeries, settings.LimitedEntities);
        }
    }

    /// <summary>
    /// Shows every series once, those without a value for too long as ending; with <paramref name="endAll"/> all of them.
    /// Between slices requests go on, so the values are of moments a few milliseconds apart; <paramref name="afterSlice"/> is
    /// called then, without the lock.
    /// </summary>
    public void Collect(long nowUnixMs, bool endAll, ISeriesVisitor visitor, Action afterSlice)
    {
        foreach (var processor in _processors)
        {
            var goesOn = true;
            while (goesOn)
            {
                lock (_lock) goesOn = processor.OnCollect(nowUnixMs);
                LetRequestsThrough();
            }
        }

        TurnRefused(nowUnixMs);
        var staleBefore = endAll ? long.MaxValue : nowUnixMs - (long)Settings.StaleDuration.TotalMilliseconds;
        foreach (var table in _tables)
        {
            var goesOn = true;
            for (var first = 0; goesOn; first += SliceRows)
            {
                lock (_lock) goesOn = table.Collect(first, SliceRows, staleBefore, visitor);
                afterSlice();
                LetRequestsThrough();
            }
        }
    }

    private void TurnRefused(long nowUnixMs)
    {
        lock (_lock)
        {
            if (_refusedUnixMs == 0) _refusedUnixMs = nowUnixMs;
            if (nowUnixMs - _refusedUnixMs < Settings.StaleDuration.TotalMilliseconds) return;
            _refusedUnixMs = nowUnixMs;
            Budget.TurnRefused();
            foreach (var table in _tables) table.TurnRefused();
        }
    }

    // Bounded, so that a flood of requests slows a collection down and does not stop it.
    private void LetRequestsThrough()
    {
        const int turns = 30;
        var spinner = new SpinWait();
        while (spinner.Count < turns && Volatile.Read(ref _waiting) > 0) spinner.SpinOnce(sleep1Threshold: -1);
    }

    /// <summary>Shows every series, metric by metric, and changes nothing.</summary>
    public void Look(Action<MetricColumn> beginMetric, ISeriesVisitor visitor)
    {
        foreach (var table in _tables)
            for (var column = 0; column < table.Schema.Columns.Length; column++)
            {
                if (table.EntityCount == 0) continue;
                beginMetric(table.Schema.Columns[column]);
                var goesOn = true;
                for (var first = 0; goesOn; first += SliceRows)
                    lock (_lock) goesOn = table.Look(first, SliceRows, column, visitor);
            }
    }

    /// <summary>What is asked of the labels that have a cap; of two tables' labels of one name, each by itself.</summary>
    internal List<LabelDemand> LabelDemands()
    {
        lock (_lock) return [.. _tables.SelectMany(static table => table.LabelDemands)];
    }

    /// <summary>The numbers of the self metrics, as of now.</summary>
    internal GeneratorCounts Counts()
    {
        lock (_lock)
        {
            var discards = _current.Discards;
            return new GeneratorCounts
            {
                SpansReceived = _admission.ReceivedCount,
                BytesReceived = _bytesReceived,
                OutsideSlack = discards.OutsideSlack,
                Duplicates = discards.Duplicate,
                DuplicateWindowsShortened = _admission.DuplicateWindowsShortened,
                SpanMetricsFiltered = discards.SpanMetricsFiltered,
                SpanNamesSanitized = discards.SpanNamesSanitized,
                ServiceGraphsFiltered = discards.ServiceGraphsFiltered,
                SpanMetricsNotText = discards.SpanMetricsNotText,
                ServiceGraphsNotText = _graph?.NotTextCount ?? 0,
                FilteredEdges = _graph?.FilteredEdgeCount ?? 0,
                HostInfoNotText = discards.HostInfoNotText,
                ActiveSeries = Budget.ActiveSeries,
                Entities = Budget.Entities,
                DemandEstimate = Budget.DemandEstimate,
                SanitizedDemandEstimate = _spans?.SanitizedDemandEstimate ?? 0,
                TemplatesMade = _spans?.Templates?.TemplateCount ?? 0,
                NamesCutShort = _spans?.Templates?.CutShortCount ?? 0,
                EntityDemandEstimate = Budget.EntityDemandEstimate,
                SeriesAdded = Budget.AddedSeries,
                SeriesRemoved = Budget.RemovedSeries,
                SeriesLimited = Budget.LimitedCount,
                Edges = _graph?.EdgeCount ?? 0,
                ExpiredEdges = _graph?.ExpiredCount ?? 0,
                DroppedSpans = _graph?.DroppedSpanCount ?? 0,
            };
        }
    }
}

/// <summary>Numbers that only grow, and gauges, of one tenant.</summary>
internal readonly record struct GeneratorCounts
{
    public long SpansReceived { get; init; }
    public long BytesReceived { get; init; }
    public long OutsideSlack { get; init; }
    public long Duplicates { get; init; }
    public long DuplicateWindowsShortened { get; init; }
    public long SpanMetricsFiltered { get; init; }
    public long SpanNamesSanitized { get; init; }
    public long ServiceGraphsFiltered { get; init; }
    public long SpanMetricsNotText { get; init; }
    public long ServiceGraphsNotText { get; init; }
    public long HostInfoNotText { get; init; }
    public long ActiveSeries { get; init; }
    public long Entities { get; init; }
    public long DemandEstimate { get; init; }
    public long EntityDemandEstimate { get; init; }
    public long FilteredEdges { get; init; }
    public long SanitizedDemandEstimate { get; init; }
    public long TemplatesMade { get; init; }
    public long NamesCutShort { get; init; }
    public long SeriesAdded { get; init; }
    public long SeriesRemoved { get; init; }
    public long SeriesLimited { get; init; }
    public long Edges { get; init; }
    public long ExpiredEdges { get; init; }
    public long DroppedSpans { get; init; }
}
