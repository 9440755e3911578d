namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// Section <c>metrics_generator</c> of a tenant. Null, 0 and an empty list mean: as the generator's own configuration says.
/// </summary>
public sealed record MetricsGeneratorLimits
{
    public int RingSize { get; init; }

    /// <summary>Names such as span-metrics; an unknown name is passed on and judged by the generator.</summary>
    public IReadOnlyList<string> Processors { get; init; } = [];

    /// <summary>0: no limit.</summary>
    public int MaxActiveSeries { get; init; }

    /// <summary>Label sets without metric name and bucket. 0: no limit.</summary>
    public int MaxActiveEntities { get; init; }

    /// <summary>Zero: 15 s.</summary>
    public TimeSpan CollectionInterval { get; init; }
    public bool? IsCollectionDisabled { get; init; }

    /// <summary>classic, native, both; empty: classic.</summary>
    public string GenerateNativeHistograms { get; init; } = "";
    public double NativeHistogramBucketFactor { get; init; }
    public int NativeHistogramMaxBucketNumber { get; init; }
    public TimeSpan NativeHistogramMinResetDuration { get; init; }

    /// <summary>Label of an exemplar's trace id; empty: traceID.</summary>
    public string TraceIdLabelName { get; init; } = "";

    /// <summary>Headers of remote write. They may hold credentials and are never shown.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> RemoteWriteHeaders { get; init; } = [];

    public int ForwarderQueueSize { get; init; }
    public int ForwarderWorkers { get; init; }

    /// <summary>Zero: 30 s.</summary>
    public TimeSpan IngestionTimeRangeSlack { get; init; }

    /// <summary>disabled, dry_run, enabled; empty: disabled.</summary>
    public string SpanNameSanitization { get; init; } = "";
    public int MaxCardinalityPerLabel { get; init; }

    public ServiceGraphsLimits ServiceGraphs { get; init; } = new();
    public SpanMetricsLimits SpanMetrics { get; init; } = new();
    public HostInfoLimits HostInfo { get; init; } = new();
}

/// <summary>Section <c>metrics_generator.processor.service_graphs</c>.</summary>
public sealed record ServiceGraphsLimits
{
    public IReadOnlyList<double> HistogramBuckets { get; init; } = [];
    public IReadOnlyList<string> Dimensions { get; init; } = [];
    public IReadOnlyList<string> PeerAttributes { get; init; } = [];
    public IReadOnlyList<FilterPolicy> FilterPolicies { get; init; } = [];
    public bool? IsClientServerPrefixEnabled { get; init; }
    public bool? IsMessagingSystemLatencyHistogramEnabled { get; init; }
    public bool? IsVirtualNodeLabelEnabled { get; init; }
    public string SpanMultiplierKey { get; init; } = "";
    public bool? IsTraceStateSpanMultiplierEnabled { get; init; }
}

/// <summary>Section <c>metrics_generator.processor.span_metrics</c>.</summary>
public sealed record SpanMetricsLimits
{
    public IReadOnlyList<double> HistogramBuckets { get; init; } = [];
    public IReadOnlyList<string> Dimensions { get; init; } = [];

    /// <summary>service, span_name, span_kind, status_code, status_message → on or off.</summary>
    public IReadOnlyList<KeyValuePair<string, bool>> IntrinsicDimensions { get; init; } = [];
    public IReadOnlyList<FilterPolicy> FilterPolicies { get; init; } = [];
    public IReadOnlyList<DimensionMapping> DimensionMappings { get; init; } = [];
    public bool? IsTargetInfoEnabled { get; init; }
    public IReadOnlyList<string> TargetInfoExcludedDimensions { get; init; } = [];
    public bool? IsInstanceLabelEnabled { get; init; }
    public string SpanMultiplierKey { get; init; } = "";
    public bool? IsTraceStateSpanMultiplierEnabled { get; init; }
}

/// <summary>Section <c>metrics_generator.processor.host_info</c>.</summary>
public sealed record HostInfoLimits
{
    public IReadOnlyList<string> HostIdentifiers { get; init; } = [];
    public string MetricName { get; init; } = "";
}

/// <summary>One of <c>dimension_mappings</c>: a label made of several attributes.</summary>
public sealed record DimensionMapping(string Name, IReadOnlyList<string> SourceLabels, string Join);

/// <summary>One of <c>filter_policies</c>; null: not given.</summary>
public sealed record FilterPolicy(FilterMatch? Include, FilterMatch? IncludeAny, FilterMatch? Exclude);

/// <summary>What a span must have.</summary>
/// <param name="MatchType">strict or regex.</param>
/// <param name="Attributes">kind, status, name, resource.x or span.x → value.</param>
public sealed record FilterMatch(string MatchType, IReadOnlyList<KeyValuePair<string, string>> Attributes);
