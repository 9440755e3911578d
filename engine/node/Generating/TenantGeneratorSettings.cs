using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.Overrides;

namespace Tempo.Engine.Node.Generating;

/// <summary>
/// The generator's settings of each tenant, from its overrides: the same object as long as they say the same, however
/// often the overrides are read again, because another object means a change; and with the same lists for a processor of which they
/// say the same, so that its series go on. Limits that make no sense give settings with an error. Thread safe.
/// </summary>
internal sealed class TenantGeneratorSettings(GeneratorSettings defaults, TenantOverrides overrides)
{
    private readonly ConcurrentDictionary<TenantId, Known> _known = new();

    public GeneratorSettings Of(TenantId tenant)
    {
        var version = overrides.Version;
        if (_known.TryGetValue(tenant, out var known) && known.Version == version) return known.Settings;
        var limits = overrides.Of(tenant).MetricsGenerator;
        var text = Describe(limits);
        var next = known is not null && known.Text == text ? known with { Version = version } : Read(limits, version, text, known);
        _known[tenant] = next;
        return next.Settings;
    }

    /// <summary>Forgets a tenant that has gone; asked for again it gets settings anew.</summary>
    public void Forget(TenantId tenant) => _known.TryRemove(tenant, out _);

    private Known Read(MetricsGeneratorLimits limits, long version, LimitsText text, Known? before)
    {
        try
        {
            var settings = limits.Over(defaults);
            // Lists that say the same are to be the same, or series would end with every change of another setting.
            if (before?.Usable is { } usable)
                settings = settings with
                {
                    SpanMetrics = text.SpanMetrics == before.UsableText.SpanMetrics ? usable.SpanMetrics : settings.SpanMetrics,
                    ServiceGraphs = text.ServiceGraphs == before.UsableText.ServiceGraphs ? usable.ServiceGraphs : settings.ServiceGraphs,
                    HostInfo = text.HostInfo == before.UsableText.HostInfo ? usable.HostInfo : settings.HostInfo,
                };
            return new Known(version, text, settings, settings, text);
        }
        catch (ArgumentException e)
        {
            return new Known(version, text, new GeneratorSettings { Error = e.Message }, before?.Usable, before?.UsableText ?? text);
        }
    }

    private static LimitsText Describe(MetricsGeneratorLimits limits) =>
        new(Shared(limits), SpanMetrics(limits), ServiceGraphs(limits.ServiceGraphs), HostInfo(limits.HostInfo));

    private static string Shared(MetricsGeneratorLimits limits)
    {
        var text = new StringBuilder();
        Add(text, limits.Processors);
        Add(text, limits.RemoteWriteHeaders.Select(static h => $"{h.Key}={h.Value}"));
        Add(text, [
            Number(limits.MaxActiveSeries), Number(limits.MaxActiveEntities), Number(limits.MaxCardinalityPerLabel),
            Number(limits.CollectionInterval.Ticks), $"{limits.IsCollectionDisabled}",
            limits.GenerateNativeHistograms, Number(limits.NativeHistogramBucketFactor), Number(limits.NativeHistogramMaxBucketNumber),
            Number(limits.NativeHistogramMinResetDuration.Ticks),
            limits.TraceIdLabelName, Number(limits.IngestionTimeRangeSlack.Ticks)]);
        return text.ToString();
    }

    private static string SpanMetrics(MetricsGeneratorLimits limits)
    {
        var (text, spans) = (new StringBuilder(), limits.SpanMetrics);
        Add(text, [limits.SpanNameSanitization, spans.SpanMultiplierKey,
            $"{spans.IsTargetInfoEnabled} {spans.IsInstanceLabelEnabled} {spans.IsTraceStateSpanMultiplierEnabled}"]);
        Add(text, spans.HistogramBuckets.Select(Number));
        Add(text, spans.Dimensions);
        Add(text, spans.TargetInfoExcludedDimensions);
        Add(text, spans.IntrinsicDimensions.Select(static d => $"{d.Key}={d.Value}"));
        foreach (var mapping in spans.DimensionMappings) Add(text, [mapping.Name, mapping.Join, .. mapping.SourceLabels]);
        Add(text, spans.FilterPolicies);
        return text.ToString();
    }

    private static string ServiceGraphs(ServiceGraphsLimits graphs)
    {
        var text = new StringBuilder();
        Add(text, [graphs.SpanMultiplierKey,
            $"{graphs.IsClientServerPrefixEnabled} {graphs.IsMessagingSystemLatencyHistogramEnabled}",
            $"{graphs.IsVirtualNodeLabelEnabled} {graphs.IsTraceStateSpanMultiplierEnabled}"]);
        Add(text, graphs.HistogramBuckets.Select(Number));
        Add(text, graphs.Dimensions);
        Add(text, graphs.PeerAttributes);
        Add(text, graphs.FilterPolicies);
        return text.ToString();
    }

    private static string HostInfo(HostInfoLimits hosts)
    {
        var text = new StringBuilder();
        Add(text, [hosts.MetricName]);
        Add(text, hosts.HostIdentifiers);
        return text.ToString();
    }

    // Lengths in front, so that no two lists read alike.
    private static void Add(StringBuilder text, IEnumerable<string> items)
    {
        foreach (var item in items) text.Append(item.Length).Append(':').Append(item);
        text.Append(';');
    }

    private static void Add(StringBuilder text, IEnumerable<FilterPolicy> policies)
    {
        foreach (var policy in policies)
            foreach (var match in new[] { policy.Include, policy.IncludeAny, policy.Exclude })
                Add(text, match is null ? [] : [match.MatchType, .. match.Attributes.SelectMany(static a => new[] { a.Key, a.Value })]);
        text.Append(';');
    }

    private static string Number<T>(T number) where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>Limits as text: equal if, and only if, they say the same.</summary>
    private sealed record LimitsText(string Shared, string SpanMetrics, string ServiceGraphs, string HostInfo);

    // UsableText is that of the last settings without an error, Usable.
    private sealed record Known(
        long Version, LimitsText Text, GeneratorSettings Settings, GeneratorSettings? Usable, LimitsText UsableText);
}
