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

    // Of tables that are no more: how often a value of a label was replaced.
    private readonly Dictionary<string, long> _labelsLimitedBefore = [];

    // Others after a change of settings; who goes through them without the lock takes those of the moment.
    private ISpanProcessor[] _processors = [];
    private SeriesTable[] _tables = [];
    private SpanMetricsProcessor? _spans;
    private ServiceGraphProcessor? _graph;
    private HostInfoProcessor? _hosts;
    private long _bytesReceived;
    private bool _isClosed;
    private long _refusedUnixMs;

    /// <param name="tenant">Whose spans these are.</param>
    /// <param name="settings">What is made of them.</param>
    /// <param name="duplicateFilterBytes">Memory for remembering spans; what happens at the bound stands at the filter.</param>
    public TenantGenerator(TenantId tenant, GeneratorSettings settings, int duplicateFilterBytes = 32 << 20)
    {
        Tenant = tenant;
        // One that comes again after the slack is too old to count anyhow.
        _admission = new SpanAdmission(new DuplicateFilter(settings.IngestionSlack, duplicateFilterBytes));
        Take(settings);
    }

    public TenantId Tenant { get; }

    /// <summary>Without processors as long as none were made.</summary>
    public GeneratorSettings Settings { get; private set; } = new();

    internal SeriesBudget Budget { get; } = new();

    internal ISpanProcessor[] Processors => _processors;

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

    /// <summary>
    /// Takes no more spans. Its processors, which have left the budget: what they have is what a last collection will show.
    /// </summary>
    internal ISpanProcessor[] Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            var before = _processors;
            (_processors, _tables) = ([], []);
            return End(before);
        }
    }

    /// <summary>
    /// Goes on under other settings: processors whose series they shape otherwise begin anew, the others go on. Those before them, for
    /// a last collection. Throws for settings that make no processor, and goes on as before.
    /// </summary>
    internal ISpanProcessor[] Change(GeneratorSettings settings)
    {
        lock (_lock)
        {
            var before = _processors;
            Take(settings);
            return End([.. before.Except(_processors)]);
        }
    }

    private ISpanProcessor[] End(ISpanProcessor[] processors)
    {
        foreach (var table in processors.SelectMany(static processor => processor.Tables))
        {
            table.LeaveBudget();
            foreach (var label in table.LabelDemands.Where(static label => label.LimitedCount > 0))
                _labelsLimitedBefore[label.Name] = _labelsLimitedBefore.GetValueOrDefault(label.Name) + label.LimitedCount;
        }

        return processors;
    }

    // What can throw comes before what changes anything.
    private void Take(GeneratorSettings settings)
    {
        var (set, options, form) = (settings.Processors, settings.SeriesOptions, settings.HistogramForm);
        var spans = settings.HasSpanMetricsOf(Settings) ? _spans
            : set.SpanMetrics == SpanMetricsParts.None ? null
            : new SpanMetricsProcessor(settings.SpanMetrics, set.SpanMetrics, form, Budget, options, _current);
        var graph = settings.HasServiceGraphsOf(Settings) ? _graph
            : set.ServiceGraphs == ServiceGraphParts.None ? null
            : new ServiceGraphProcessor(settings.ServiceGraphs, set.ServiceGraphs, form, Budget, options, _current);
        var hosts = settings.HasHostInfoOf(Settings) ? _hosts
            : set.HostInfo ? new HostInfoProcessor(settings.HostInfo, Budget, options, _current) : null;
        (Settings, _spans, _graph, _hosts) = (settings, spans, graph, hosts);
        _processors = [.. new ISpanProcessor?[] { spans, graph, hosts }.OfType<ISpanProcessor>()];
        _tables = [.. _processors.SelectMany(static processor => processor.Tables)];
        _current.AllOfResource = spans?.AllOfResource;
        _admission.Slack = settings.IngestionSlack;
        (Budget.MaxSeries, Budget.MaxEntities) = (settings.LimitedSeries, settings.LimitedEntities);
    }

    /// <summary>
    /// Shows every series once, those without a value for too long as ending; with <paramref name="endAll"/> all of them.
    /// Between slices requests go on, so the values are of moments a few milliseconds apart; <paramref name="afterSlice"/> is
    /// called then, without the lock.
    /// </summary>
    public void Collect(long nowUnixMs, bool endAll, ISeriesVisitor visitor, Action afterSlice) =>
        Collect(_processors, nowUnixMs, endAll, visitor, afterSlice);

    /// <summary>The same of some processors, those at work or those that a change has left.</summary>
    internal void Collect(ISpanProcessor[] processors, long nowUnixMs, bool endAll, ISeriesVisitor visitor, Action afterSlice)
    {
        foreach (var processor in processors)
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
        foreach (var table in processors.SelectMany(static processor => processor.Tables))
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
        lock (_lock)
            return
            [
                .. _tables.SelectMany(static table => table.LabelDemands),
                .. _labelsLimitedBefore.Select(static label => new LabelDemand(label.Key, label.Value, 0)),
            ];
    }

    /// <summary>The numbers of the self metrics, as of now.</summary>
    internal GeneratorCounts Counts()
    {
        lock (_lock)
        {
            var counts = _current.Counts;
            return new GeneratorCounts
            {
                SpansReceived = _admission.ReceivedCount,
                BytesReceived = _bytesReceived,
                OutsideSlack = counts.OutsideSlack,
                Duplicates = counts.Duplicate,
                DuplicateWindowsShortened = _admission.DuplicateWindowsShortened,
                SpanMetricsFiltered = counts.SpanMetricsFiltered,
                SpanNamesSanitized = counts.SpanNamesSanitized,
                ServiceGraphsFiltered = counts.ServiceGraphsFiltered,
                SpanMetricsNotText = counts.SpanMetricsNotText,
                ServiceGraphsNotText = counts.EdgesNotText,
                FilteredEdges = counts.FilteredEdges,
                HostInfoNotText = counts.HostInfoNotText,
                ActiveSeries = Budget.ActiveSeries,
                Entities = Budget.Entities,
                DemandEstimate = Budget.DemandEstimate,
                SanitizedDemandEstimate = _spans?.SanitizedDemandEstimate ?? 0,
                TemplatesMade = counts.TemplatesMade,
                NamesCutShort = counts.NamesCutShort,
                EntityDemandEstimate = Budget.EntityDemandEstimate,
                SeriesAdded = Budget.AddedSeries,
                SeriesRemoved = Budget.RemovedSeries,
                SeriesLimited = Budget.LimitedCount,
                Edges = counts.Edges,
                ExpiredEdges = counts.ExpiredEdges,
                DroppedSpans = counts.DroppedSpans,
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
