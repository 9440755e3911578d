using Tempo.Engine.Generator;
using Tempo.Engine.Generator.HostInfo;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Node.Overrides;
using Spans = Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Node.Generating;

/// <summary>
/// Lays a tenant's limits over settings of the generator: what the limits leave open stays as it is. The section
/// <c>metrics_generator.processor</c> has the same keys and is laid over the built-in settings first.
/// </summary>
public static class GeneratorSettingsMapping
{
    internal static readonly string[] IntrinsicDimensionNames = ["service", "span_name", "span_kind", "status_code", "status_message"];

    /// <summary>Throws <see cref="ArgumentException"/> for a processor that is not known.</summary>
    public static GeneratorSettings Over(this MetricsGeneratorLimits limits, GeneratorSettings settings)
    {
        if (!ProcessorSet.TryParse(limits.Processors, out var processors, out var error)) throw new ArgumentException(error);
        return settings with
        {
            Processors = limits.Processors.Count > 0 ? processors : settings.Processors,
            MaxActiveSeries = Or(limits.MaxActiveSeries, settings.MaxActiveSeries),
            MaxActiveEntities = Or(limits.MaxActiveEntities, settings.MaxActiveEntities),
            MaxCardinalityPerLabel = Or(limits.MaxCardinalityPerLabel, settings.MaxCardinalityPerLabel),
            CollectionInterval = Or(limits.CollectionInterval, settings.CollectionInterval),
            DisableCollection = limits.IsCollectionDisabled ?? settings.DisableCollection,
            HistogramForm = limits.GenerateNativeHistograms switch
            {
                "classic" => HistogramForm.Classic,
                "native" => HistogramForm.Native,
                "both" => HistogramForm.Both,
                _ => settings.HistogramForm
            },
            NativeHistogramBucketFactor =
                limits.NativeHistogramBucketFactor > 1 ? limits.NativeHistogramBucketFactor : settings.NativeHistogramBucketFactor,
            NativeHistogramMaxBuckets = Or(limits.NativeHistogramMaxBucketNumber, settings.NativeHistogramMaxBuckets),
            NativeHistogramMinResetDuration = Or(limits.NativeHistogramMinResetDuration, settings.NativeHistogramMinResetDuration),
            TraceIdLabelName = Or(limits.TraceIdLabelName, settings.TraceIdLabelName),
            RemoteWriteHeaders = limits.RemoteWriteHeaders.Count > 0 ? limits.RemoteWriteHeaders : settings.RemoteWriteHeaders,
            IngestionSlack = Or(limits.IngestionTimeRangeSlack, settings.IngestionSlack),
            SpanMetrics = Over(limits.SpanMetrics, settings.SpanMetrics) with
            {
                SpanNameSanitization = limits.SpanNameSanitization switch
                {
                    "enabled" => Spans.SpanNameSanitization.Enabled,
                    "dry_run" => Spans.SpanNameSanitization.DryRun,
                    "disabled" => Spans.SpanNameSanitization.Disabled,
                    _ => settings.SpanMetrics.SpanNameSanitization,
                },
            },
            ServiceGraphs = Over(limits.ServiceGraphs, settings.ServiceGraphs),
            HostInfo = new HostInfoSettings
            {
                HostIdentifiers = Or(limits.HostInfo.HostIdentifiers, settings.HostInfo.HostIdentifiers),
                MetricName = Or(limits.HostInfo.MetricName, settings.HostInfo.MetricName),
            },
        };
    }

    private static SpanMetricsSettings Over(SpanMetricsLimits limits, SpanMetricsSettings settings) => settings with
    {
        HistogramBuckets = limits.HistogramBuckets.Count > 0 ? [.. limits.HistogramBuckets] : settings.HistogramBuckets,
        Dimensions = Or(limits.Dimensions, settings.Dimensions),
        IntrinsicDimensions = Over(limits.IntrinsicDimensions, settings.IntrinsicDimensions),
        FilterPolicies = limits.FilterPolicies.Count > 0 ? Policies(limits.FilterPolicies) : settings.FilterPolicies,
        DimensionMappings = limits.DimensionMappings.Count > 0
            ? [.. limits.DimensionMappings.Select(
                static m => new Engine.Generator.SpanMetrics.DimensionMapping(m.Name, m.SourceLabels, m.Join))]
            : settings.DimensionMappings,
        EnableTargetInfo = limits.IsTargetInfoEnabled ?? settings.EnableTargetInfo,
        TargetInfoExcludedDimensions = Or(limits.TargetInfoExcludedDimensions, settings.TargetInfoExcludedDimensions),
        EnableInstanceLabel = limits.IsInstanceLabelEnabled ?? settings.EnableInstanceLabel,
        SpanMultiplierKey = Or(limits.SpanMultiplierKey, settings.SpanMultiplierKey),
        EnableTraceStateSpanMultiplier = limits.IsTraceStateSpanMultiplierEnabled ?? settings.EnableTraceStateSpanMultiplier,
    };

    private static ServiceGraphSettings Over(ServiceGraphsLimits limits, ServiceGraphSettings settings) => settings with
    {
        HistogramBuckets = limits.HistogramBuckets.Count > 0 ? [.. limits.HistogramBuckets] : settings.HistogramBuckets,
        Dimensions = Or(limits.Dimensions, settings.Dimensions),
        PeerAttributes = Or(limits.PeerAttributes, settings.PeerAttributes),
        FilterPolicies = limits.FilterPolicies.Count > 0 ? Policies(limits.FilterPolicies) : settings.FilterPolicies,
        EnableClientServerPrefix = limits.IsClientServerPrefixEnabled ?? settings.EnableClientServerPrefix,
        EnableMessagingSystemLatencyHistogram =
            limits.IsMessagingSystemLatencyHistogramEnabled ?? settings.EnableMessagingSystemLatencyHistogram,
        EnableVirtualNodeLabel = limits.IsVirtualNodeLabelEnabled ?? settings.EnableVirtualNodeLabel,
        SpanMultiplierKey = Or(limits.SpanMultiplierKey, settings.SpanMultiplierKey),
        EnableTraceStateSpanMultiplier = limits.IsTraceStateSpanMultiplierEnabled ?? settings.EnableTraceStateSpanMultiplier,
    };

    private static IntrinsicDimensions Over(IReadOnlyList<KeyValuePair<string, bool>> switches, IntrinsicDimensions dimensions)
    {
        foreach (var (name, isOn) in switches)
            dimensions = name switch
            {
                "service" => dimensions with { Service = isOn },
                "span_name" => dimensions with { SpanName = isOn },
                "span_kind" => dimensions with { SpanKind = isOn },
                "status_code" => dimensions with { StatusCode = isOn },
                "status_message" => dimensions with { StatusMessage = isOn },
                _ => throw new ArgumentException($"intrinsic dimension \"{name}\" is not known"),
            };
        return dimensions;
    }

    internal static IReadOnlyList<Spans.FilterPolicy> Policies(IReadOnlyList<FilterPolicy> policies) =>
        [.. policies.Select(
            static policy => new Spans.FilterPolicy(Match(policy.Include), Match(policy.IncludeAny), Match(policy.Exclude)))];

    private static Spans.FilterMatch? Match(FilterMatch? match) => match is null ? null
        : new Spans.FilterMatch(
            match.MatchType == "regex" ? Spans.FilterMatchType.Regex : Spans.FilterMatchType.Strict,
            [.. match.Attributes.Select(static attribute => new Spans.FilterAttribute(attribute.Key, attribute.Value))]);

    private static string Or(string text, string otherwise) => text.Length > 0 ? text : otherwise;

    private static int Or(int number, long otherwise) => number > 0 ? number : (int)otherwise;

    private static TimeSpan Or(TimeSpan time, TimeSpan otherwise) => time > TimeSpan.Zero ? time : otherwise;

    private static IReadOnlyList<string> Or(IReadOnlyList<string> texts, IReadOnlyList<string> otherwise) =>
        texts.Count > 0 ? texts : otherwise;
}
