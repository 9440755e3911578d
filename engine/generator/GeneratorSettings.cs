using Tempo.Engine.Generator.HostInfo;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.SpanMetrics;

namespace Tempo.Engine.Generator;

/// <summary>
/// What is generated for one tenant: the process's defaults with the tenant's overrides. Another object is taken for a change: the
/// series of a processor that it shapes otherwise (<see cref="HasSpanMetricsOf"/> and its like) end and begin anew.
/// </summary>
public sealed record GeneratorSettings
{
    private static readonly GeneratorSettings Plain = new();

    /// <summary>Why the tenant's overrides cannot be used; empty: they can. Who is given such settings keeps those before them.</summary>
    public string Error { get; init; } = "";

    public ProcessorSet Processors { get; init; } = ProcessorSet.None;

    public SpanMetricsSettings SpanMetrics { get; init; } = new();

    public ServiceGraphSettings ServiceGraphs { get; init; } = new();

    public HostInfoSettings HostInfo { get; init; } = new();

    /// <summary>Spans that end further from now than this are not counted.</summary>
    public TimeSpan IngestionSlack { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Prometheus series; further entities are counted in the overflow series. 0: no limit.</summary>
    public long MaxActiveSeries { get; init; }

    /// <summary>Label sets; likewise.</summary>
    public long MaxActiveEntities { get; init; }

    /// <summary>Which of the two limits holds (<c>limiter_type</c>): false, that of series.</summary>
    public bool LimitsEntities { get; init; }

    public int MaxCardinalityPerLabel { get; init; }

    public TimeSpan CollectionInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Count, but send nothing.</summary>
    public bool DisableCollection { get; init; }

    public TimeSpan StaleDuration { get; init; } = TimeSpan.FromMinutes(15);

    public HistogramForm HistogramForm { get; init; } = HistogramForm.Classic;

    public double NativeHistogramBucketFactor { get; init; } = 1.1;

    public int NativeHistogramMaxBuckets { get; init; } = 100;

    public TimeSpan NativeHistogramMinResetDuration { get; init; } = TimeSpan.FromMinutes(15);

    public int MaxLabelValueBytes { get; init; } = LabelTuple.DefaultMaxValueBytes;

    /// <summary>Of names that senders choose, those of target_info.</summary>
    public int MaxLabelNameBytes { get; init; } = 1024;

    /// <summary>Labels of every series.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ExternalLabels { get; init; } = [];

    /// <summary>Label that holds the tenant's id; empty: none.</summary>
    public string InjectTenantIdAs { get; init; } = "";

    /// <summary>Label of an exemplar's trace id.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    /// <summary>Headers of the tenant's remote writes, over those of the target.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> RemoteWriteHeaders { get; init; } = [];

    /// <summary>
    /// True if series of spans that were begun under the others go on under these. Lists are compared by reference, so who makes
    /// settings anew takes over those that say the same.
    /// </summary>
    public bool HasSpanMetricsOf(GeneratorSettings others) =>
        (Processors.SpanMetrics, SpanMetrics, Shared) == (others.Processors.SpanMetrics, others.SpanMetrics, others.Shared);

    /// <summary>The same of edges.</summary>
    public bool HasServiceGraphsOf(GeneratorSettings others) =>
        (Processors.ServiceGraphs, ServiceGraphs, Shared) == (others.Processors.ServiceGraphs, others.ServiceGraphs, others.Shared);

    /// <summary>The same of hosts, which have no histograms.</summary>
    public bool HasHostInfoOf(GeneratorSettings others) =>
        (Processors.HostInfo, HostInfo, Shared.WithPlainHistograms)
            == (others.Processors.HostInfo, others.HostInfo, others.Shared.WithPlainHistograms);

    // What shapes the series of all processors: all but limits, times and headers, and what is one processor's. DisableCollection is
    // left: series that are not shown any more have an end.
    private GeneratorSettings Shared => this with
    {
        Processors = ProcessorSet.None,
        SpanMetrics = Plain.SpanMetrics,
        ServiceGraphs = Plain.ServiceGraphs,
        HostInfo = Plain.HostInfo,
        MaxActiveSeries = 0,
        MaxActiveEntities = 0,
        CollectionInterval = default,
        StaleDuration = default,
        IngestionSlack = default,
        TraceIdLabelName = "",
        RemoteWriteHeaders = Plain.RemoteWriteHeaders,
    };

    private GeneratorSettings WithPlainHistograms => this with
    {
        HistogramForm = default,
        NativeHistogramBucketFactor = 0,
        NativeHistogramMaxBuckets = 0,
        NativeHistogramMinResetDuration = default,
    };

    internal long LimitedSeries => LimitsEntities ? 0 : MaxActiveSeries;

    internal long LimitedEntities => LimitsEntities ? MaxActiveEntities : 0;

    internal SeriesOptions SeriesOptions => new()
    {
        MaxCardinalityPerLabel = MaxCardinalityPerLabel,
        MaxLabelValueBytes = MaxLabelValueBytes,
        MaxLabelNameBytes = MaxLabelNameBytes,
        StaleDuration = StaleDuration,
        Native = new NativeHistogramLimits(
            NativeHistogram.SchemaOf(NativeHistogramBucketFactor), NativeHistogramMaxBuckets,
            (long)NativeHistogramMinResetDuration.TotalMilliseconds),
    };
}

/// <summary>Processors by Tempo's names.</summary>
public sealed record ProcessorSet(SpanMetricsParts SpanMetrics, ServiceGraphParts ServiceGraphs, bool HostInfo)
{
    public static readonly ProcessorSet None = new(SpanMetricsParts.None, ServiceGraphParts.None, false);

    public static readonly ProcessorSet All = new(SpanMetricsParts.All, ServiceGraphParts.All, true);

    /// <summary>
    /// Every name that <see cref="TryParse"/> knows; <c>local-blocks</c> does nothing, because blocks are searched here anyway.
    /// </summary>
    public static readonly string[] Names =
    [
        "service-graphs", "service-graphs-request", "service-graphs-latency", "service-graphs-connection-info",
        "span-metrics", "span-metrics-count", "span-metrics-latency", "span-metrics-size", "host-info", "local-blocks",
    ];

    public bool IsEmpty => this == None;

    /// <summary>The processors that are on, by the names of their groups.</summary>
    public IEnumerable<string> ActiveNames => new[]
    {
        SpanMetrics != SpanMetricsParts.None ? "span-metrics" : "", ServiceGraphs != ServiceGraphParts.None ? "service-graphs" : "",
        HostInfo ? "host-info" : "",
    }.Where(static name => name.Length > 0);

    /// <summary>False for a name that is not known; <paramref name="error"/> lists those that are.</summary>
    public static bool TryParse(IEnumerable<string> names, out ProcessorSet processors, out string error)
    {
        processors = None;
        error = "";
        foreach (var name in names)
        {
            var next = name switch
            {
                "span-metrics" => processors with { SpanMetrics = SpanMetricsParts.All },
                "span-metrics-count" => processors with { SpanMetrics = processors.SpanMetrics | SpanMetricsParts.Count },
                "span-metrics-latency" => processors with { SpanMetrics = processors.SpanMetrics | SpanMetricsParts.Latency },
                "span-metrics-size" => processors with { SpanMetrics = processors.SpanMetrics | SpanMetricsParts.Size },
                "service-graphs" =>
                    processors with { ServiceGraphs = processors.ServiceGraphs | ServiceGraphParts.Request | ServiceGraphParts.Latency },
                "service-graphs-request" => processors with { ServiceGraphs = processors.ServiceGraphs | ServiceGraphParts.Request },
                "service-graphs-latency" => processors with { ServiceGraphs = processors.ServiceGraphs | ServiceGraphParts.Latency },
                "service-graphs-connection-info" =>
                    processors with { ServiceGraphs = processors.ServiceGraphs | ServiceGraphParts.ConnectionInfo },
                "host-info" => processors with { HostInfo = true },
                "local-blocks" => processors,
                _ => null,
            };
            if (next is null)
            {
                error = $"metrics_generator.processor \"{name}\" is not a known processor, valid values: [{string.Join(' ', Names)}]";
                return false;
            }

            processors = next;
        }

        return true;
    }
}
