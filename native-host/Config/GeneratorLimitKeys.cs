using System.Globalization;
using Tempo.Engine.Node.Generating;
using Tempo.Engine.Node.Overrides;
using static Tempo.Host.Config.LimitKeys;

namespace Tempo.Host.Config;

/// <summary>Section <c>metrics_generator</c> of a tenant's limits.</summary>
internal static class GeneratorLimitKeys
{
    public static ConfigValue[] Of(string at) =>
    [
        Int(at + ".ring_size", With((g, v) => g with { RingSize = v }, 0), l => l.MetricsGenerator.RingSize),
        LimitStructures.Texts(at + ".processors", (l, v) => Set(l, g => g with { Processors = v }), l => l.MetricsGenerator.Processors),
        Int(at + ".max_active_series", With((g, v) => g with { MaxActiveSeries = v }, 0), l => l.MetricsGenerator.MaxActiveSeries),
        Int(at + ".max_active_entities", With((g, v) => g with { MaxActiveEntities = v }, 0), l => l.MetricsGenerator.MaxActiveEntities),
        Duration(at + ".collection_interval", With((g, v) => g with { CollectionInterval = v }, TimeSpan.Zero),
            l => l.MetricsGenerator.CollectionInterval),
        Bool(at + ".disable_collection", With((g, v) => g with { IsCollectionDisabled = v }, false),
            l => l.MetricsGenerator.IsCollectionDisabled),
        OneOf(at + ".generate_native_histograms", ["", "classic", "native", "both"],
            (g, v) => g with { GenerateNativeHistograms = v }, g => g.GenerateNativeHistograms),
        ConfigScalar.Fraction(at + ".native_histogram_bucket_factor", 0, 100,
            (o, v) => o.Limits = Set(o.Limits, g => g with { NativeHistogramBucketFactor = v }),
            o => o.Limits.MetricsGenerator.NativeHistogramBucketFactor),
        Int(at + ".native_histogram_max_bucket_number",
            With((g, v) => g with { NativeHistogramMaxBucketNumber = v }, 0), l => l.MetricsGenerator.NativeHistogramMaxBucketNumber),
        Duration(at + ".native_histogram_min_reset_duration",
            With((g, v) => g with { NativeHistogramMinResetDuration = v }, TimeSpan.Zero),
            l => l.MetricsGenerator.NativeHistogramMinResetDuration),
        Checked(Text(at + ".trace_id_label_name", With((g, v) => g with { TraceIdLabelName = v }, ""),
            l => l.MetricsGenerator.TraceIdLabelName), g => GeneratorLimitChecks.Name(g.TraceIdLabelName)),
        LimitStructures.Secrets(at + ".remote_write_headers",
            (l, v) => Set(l, g => g with { RemoteWriteHeaders = v }), l => l.MetricsGenerator.RemoteWriteHeaders),
        Int(at + ".forwarder.queue_size", With((g, v) => g with { ForwarderQueueSize = v }, 0), l => l.MetricsGenerator.ForwarderQueueSize),
        Int(at + ".forwarder.workers", With((g, v) => g with { ForwarderWorkers = v }, 0), l => l.MetricsGenerator.ForwarderWorkers),
        Duration(at + ".ingestion_time_range_slack",
            With((g, v) => g with { IngestionTimeRangeSlack = v }, TimeSpan.Zero), l => l.MetricsGenerator.IngestionTimeRangeSlack),
        OneOf(at + ".span_name_sanitization", ["", "disabled", "dry_run", "enabled"], (g, v) => g with { SpanNameSanitization = v },
            g => g.SpanNameSanitization),
        Int(at + ".max_cardinality_per_label", With((g, v) => g with { MaxCardinalityPerLabel = v }, 0),
            l => l.MetricsGenerator.MaxCardinalityPerLabel),
        .. Processors(at + ".processor"),
    ];

    /// <summary>The settings of the processors, which the generator's own section has as well.</summary>
    public static ConfigValue[] Processors(string at) =>
    [
        .. ServiceGraphs(at + ".service_graphs"),
        .. SpanMetrics(at + ".span_metrics"),
        LimitStructures.Texts(at + ".host_info.host_identifiers",
            (l, v) => Set(l, g => g with { HostInfo = g.HostInfo with { HostIdentifiers = v } }),
            l => l.MetricsGenerator.HostInfo.HostIdentifiers),
        Checked(Text(at + ".host_info.metric_name", With((g, v) => g with { HostInfo = g.HostInfo with { MetricName = v } }, ""),
            l => l.MetricsGenerator.HostInfo.MetricName),
            g => GeneratorLimitChecks.Name(g.HostInfo.MetricName)),
    ];

    private static ConfigValue[] ServiceGraphs(string at) =>
    [
        Checked(LimitStructures.Numbers(at + ".histogram_buckets", Graphs<IReadOnlyList<double>>((s, v) => s with { HistogramBuckets = v }),
            l => Graphs(l).HistogramBuckets),
            g => GeneratorLimitChecks.Buckets(g.ServiceGraphs.HistogramBuckets)),
        LimitStructures.Texts(
            at + ".dimensions", Graphs<IReadOnlyList<string>>((s, v) => s with { Dimensions = v }), l => Graphs(l).Dimensions),
        LimitStructures.Texts(
            at + ".peer_attributes", Graphs<IReadOnlyList<string>>((s, v) => s with { PeerAttributes = v }), l => Graphs(l).PeerAttributes),
        Checked(LimitStructures.Policies(at + ".filter_policies",
            Graphs<IReadOnlyList<FilterPolicy>>((s, v) => s with { FilterPolicies = v }), l => Graphs(l).FilterPolicies),
            g => GeneratorLimitChecks.FilterPolicies(g.ServiceGraphs.FilterPolicies)),
        Bool(at + ".enable_client_server_prefix", Graphs<bool>((s, v) => s with { IsClientServerPrefixEnabled = v }),
            l => Graphs(l).IsClientServerPrefixEnabled),
        Bool(at + ".enable_messaging_system_latency_histogram",
            Graphs<bool>((s, v) => s with { IsMessagingSystemLatencyHistogramEnabled = v }),
            l => Graphs(l).IsMessagingSystemLatencyHistogramEnabled),
        Bool(at + ".enable_virtual_node_label", Graphs<bool>((s, v) => s with { IsVirtualNodeLabelEnabled = v }),
            l => Graphs(l).IsVirtualNodeLabelEnabled),
        Text(at + ".span_multiplier_key", Graphs<string>((s, v) => s with { SpanMultiplierKey = v }), l => Graphs(l).SpanMultiplierKey),
        Bool(at + ".enable_tracestate_span_multiplier",
            Graphs<bool>((s, v) => s with { IsTraceStateSpanMultiplierEnabled = v }), l => Graphs(l).IsTraceStateSpanMultiplierEnabled),
    ];

    private static ConfigValue[] SpanMetrics(string at) =>
    [
        Checked(LimitStructures.Numbers(at + ".histogram_buckets", Spans<IReadOnlyList<double>>((s, v) => s with { HistogramBuckets = v }),
            l => Spans(l).HistogramBuckets),
            g => GeneratorLimitChecks.Buckets(g.SpanMetrics.HistogramBuckets)),
        LimitStructures.Texts(
            at + ".dimensions", Spans<IReadOnlyList<string>>((s, v) => s with { Dimensions = v }), l => Spans(l).Dimensions),
        Checked(LimitStructures.Switches(at + ".intrinsic_dimensions",
            Spans<IReadOnlyList<KeyValuePair<string, bool>>>((s, v) => s with { IntrinsicDimensions = v }),
            l => Spans(l).IntrinsicDimensions),
            g => GeneratorLimitChecks.IntrinsicDimensions(g.SpanMetrics.IntrinsicDimensions)),
        Checked(LimitStructures.Policies(at + ".filter_policies",
            Spans<IReadOnlyList<FilterPolicy>>((s, v) => s with { FilterPolicies = v }), l => Spans(l).FilterPolicies),
            g => GeneratorLimitChecks.FilterPolicies(g.SpanMetrics.FilterPolicies)),
        LimitStructures.Mappings(at + ".dimension_mappings",
            Spans<IReadOnlyList<DimensionMapping>>((s, v) => s with { DimensionMappings = v }), l => Spans(l).DimensionMappings),
        Bool(at + ".enable_target_info", Spans<bool>((s, v) => s with { IsTargetInfoEnabled = v }), l => Spans(l).IsTargetInfoEnabled),
        LimitStructures.Texts(at + ".target_info_excluded_dimensions",
            Spans<IReadOnlyList<string>>((s, v) => s with { TargetInfoExcludedDimensions = v }),
            l => Spans(l).TargetInfoExcludedDimensions),
        Bool(at + ".enable_instance_label", Spans<bool>((s, v) => s with { IsInstanceLabelEnabled = v }),
            l => Spans(l).IsInstanceLabelEnabled),
        Text(at + ".span_multiplier_key", Spans<string>((s, v) => s with { SpanMultiplierKey = v }), l => Spans(l).SpanMultiplierKey),
        Bool(at + ".enable_tracestate_span_multiplier",
            Spans<bool>((s, v) => s with { IsTraceStateSpanMultiplierEnabled = v }), l => Spans(l).IsTraceStateSpanMultiplierEnabled),
    ];

    // What can be read and not be used is an error as well, with the key's line.
    private static ConfigValue Checked(ConfigValue key, Func<MetricsGeneratorLimits, string?> check) => key switch
    {
        ConfigScalar scalar => scalar with { Set = (o, text) => scalar.Set(o, text) ?? check(o.Limits.MetricsGenerator) },
        ConfigStructure structure => structure with { Set = (o, node) => structure.Set(o, node) ?? check(o.Limits.MetricsGenerator) },
        _ => key,
    };

    private static ServiceGraphsLimits Graphs(TenantLimits limits) => limits.MetricsGenerator.ServiceGraphs;

    private static SpanMetricsLimits Spans(TenantLimits limits) => limits.MetricsGenerator.SpanMetrics;

    private static Func<TenantLimits, T, TenantLimits> Graphs<T>(Func<ServiceGraphsLimits, T, ServiceGraphsLimits> set) =>
        (l, v) => Set(l, g => g with { ServiceGraphs = set(g.ServiceGraphs, v) });

    private static Func<TenantLimits, T, TenantLimits> Spans<T>(Func<SpanMetricsLimits, T, SpanMetricsLimits> set) =>
        (l, v) => Set(l, g => g with { SpanMetrics = set(g.SpanMetrics, v) });

    // The third argument only names the type.
    private static Func<TenantLimits, T, TenantLimits> With<T>(Func<MetricsGeneratorLimits, T, MetricsGeneratorLimits> set, T _) =>
        (l, v) => Set(l, g => set(g, v));

    private static TenantLimits Set(TenantLimits limits, Func<MetricsGeneratorLimits, MetricsGeneratorLimits> change) =>
        limits with { MetricsGenerator = change(limits.MetricsGenerator) };

    private static ConfigScalar OneOf(
        string path, string[] known, Func<MetricsGeneratorLimits, string, MetricsGeneratorLimits> set,
        Func<MetricsGeneratorLimits, string> get) =>
        new(path, (o, text) =>
        {
            if (!known.Contains(text))
                return string.Create(
                    CultureInfo.InvariantCulture, $"unknown value {GoText.Quote(text)}, known are {string.Join(", ", known[1..])}");
            o.Limits = Set(o.Limits, g => set(g, text));
            return null;
        }, o => ConfigScalar.QuoteYaml(get(o.Limits.MetricsGenerator)));
}
