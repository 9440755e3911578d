using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Host.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

public sealed class OverridesFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private static TenantId Tenant(string name) =>
        TenantId.TryParse(name, out var tenant, out _) ? tenant : throw new ArgumentException(name);

    private static TenantOverrides Apply(string text, bool isLegacyAllowed = false)
    {
        var overrides = new TenantOverrides();
        overrides.ReplaceFile(OverridesFile.Parse("o.yaml", text, isLegacyAllowed));
        return overrides;
    }

    [Fact]
    public void AnEntryStandsAloneAndWhatItLeavesOutIsZero()
    {
        var overrides = Apply("overrides:\n  a: {ingestion: {rate_limit_bytes: 5}}\n  \"*\": {read: {max_search_duration: 2h}}\n");
        var a = overrides.Of(Tenant("a"));
        Assert.Equal((5, 0, false, 0), (a.Ingestion.RateLimitBytes, a.Ingestion.BurstSizeBytes, a.Ingestion.IsRetryInfoEnabled,
            a.Global.MaxBytesPerTrace));
        var other = overrides.Of(Tenant("b"));
        Assert.Equal((0, TimeSpan.FromHours(2)), (other.Ingestion.RateLimitBytes, other.Read.MaxSearchDuration));
        Assert.Equal(("a", "*"), (overrides.SourceOf(Tenant("a")), overrides.SourceOf(Tenant("b"))));
        Assert.Equal(["a"], overrides.Tenants);
    }

    [Fact]
    public void WithoutAnEntryTheDefaultsHold()
    {
        var overrides = Apply("overrides: {a: {}}");
        Assert.Same(TenantLimits.BuiltIn, overrides.Of(Tenant("b")));
        Assert.Equal("default overrides", overrides.SourceOf(Tenant("b")));
        Assert.Equal(new TenantLimits().Ingestion, overrides.Of(Tenant("a")).Ingestion);
    }

    [Fact]
    public void EveryKindOfValueIsRead()
    {
        var limits = Apply("""
            overrides:
              a:
                forwarders: [f1, f2]
                compaction: {block_retention: 24h, max_bytes: 5000, compaction_disabled: true}
                storage: {parquet_dedicated_columns: [{scope: span, name: x, type: string}]}
                cost_attribution: {max_cardinality: 7, dimensions: {team: t}}
                metrics_generator:
                  processors: [span-metrics, service-graphs]
                  collection_interval: 30s
                  disable_collection: false
                  generate_native_histograms: both
                  remote_write_headers: {X-Key: hunter2}
                  forwarder: {queue_size: 3}
                  processor:
                    service_graphs: {histogram_buckets: [0.1, 2], peer_attributes: [peer.service], enable_virtual_node_label: true}
                    span_metrics:
                      intrinsic_dimensions: {status_message: true}
                      dimension_mappings: [{name: n, source_labels: [a, b], join: /}]
                      filter_policies:
                        - include: {match_type: regex, attributes: [{key: kind, value: SPAN_KIND_.*}]}
                          exclude: {match_type: strict, attributes: [{key: resource.x, value: y}]}
                    host_info: {metric_name: m}
            """).Of(Tenant("a"));
        Assert.Equal(["f1", "f2"], limits.Forwarders);
        Assert.Equal((TimeSpan.FromHours(24), 5000L, true),
            (limits.Compaction.BlockRetention, limits.Compaction.MaxBytes, limits.Compaction.IsCompactionDisabled));
        Assert.Equal("x", Assert.Single(limits.DedicatedColumns).Name);
        Assert.Equal((7, "t"), (limits.CostAttribution.MaxCardinality, limits.CostAttribution.Dimensions[0].Value));
        var generator = limits.MetricsGenerator;
        Assert.Equal(["span-metrics", "service-graphs"], generator.Processors);
        Assert.Equal((TimeSpan.FromSeconds(30), false, "both", 3),
            (generator.CollectionInterval, generator.IsCollectionDisabled, generator.GenerateNativeHistograms,
                generator.ForwarderQueueSize));
        Assert.Equal([0.1, 2], generator.ServiceGraphs.HistogramBuckets);
        Assert.Equal(
            (true, null), (generator.ServiceGraphs.IsVirtualNodeLabelEnabled, generator.ServiceGraphs.IsClientServerPrefixEnabled));
        Assert.Equal(new KeyValuePair<string, bool>("status_message", true), Assert.Single(generator.SpanMetrics.IntrinsicDimensions));
        Assert.Equal(["a", "b"], Assert.Single(generator.SpanMetrics.DimensionMappings).SourceLabels);
        var policy = Assert.Single(generator.SpanMetrics.FilterPolicies);
        Assert.Equal(("regex", "SPAN_KIND_.*", "y"),
            (policy.Include!.MatchType, policy.Include.Attributes[0].Value, policy.Exclude!.Attributes[0].Value));
        Assert.Null(policy.IncludeAny);
        Assert.Equal("m", generator.HostInfo.MetricName);
    }

    [Fact]
    public void SecretsAreNotShown()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", "overrides: {defaults: {metrics_generator: {remote_write_headers: {X-Key: hunter2}}}}", options);
        Assert.Equal("hunter2", options.Limits.MetricsGenerator.RemoteWriteHeaders[0].Value);
        var shown = EffectiveConfig.Render(options);
        Assert.DoesNotContain("hunter2", shown, StringComparison.Ordinal);
        Assert.Contains("<secret>", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultsAreMergedOverTheBuiltInOnes()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", "overrides: {defaults: {ingestion: {rate_limit_bytes: 5}}}", options);
        Assert.Equal((5, 30_000_000, 10_000, 5_000_000),
            (options.Limits.Ingestion.RateLimitBytes, options.Limits.Ingestion.BurstSizeBytes, options.Limits.Ingestion.MaxTracesPerUser,
                options.Limits.Global.MaxBytesPerTrace));
    }

    [Theory]
    [InlineData("overrides: {ingestion_rate_limit_bytes: 5, max_traces_per_user: 6, max_bytes_per_trace: 7, block_retention: 8h, metrics_generator_processors: [a], metrics_generator_processor_span_metrics_dimensions: [d]}\n")]
    public void TheFlatFormNeedsItsSwitch(string flat)
    {
        var error = Assert.Throws<ConfigException>(() => ConfigFile.Apply("t.yaml", flat, new HostOptions()));
        Assert.Contains("legacy overrides config format detected", error.Message, StringComparison.Ordinal);
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", flat.Replace("{ing", "{enable_legacy_overrides: true, ing", StringComparison.Ordinal), options);
        var limits = options.Limits;
        Assert.Equal((5, 6, 7, TimeSpan.FromHours(8), "a", "d"),
            (limits.Ingestion.RateLimitBytes, limits.Ingestion.MaxTracesPerUser, limits.Global.MaxBytesPerTrace,
                limits.Compaction.BlockRetention, limits.MetricsGenerator.Processors[0],
                limits.MetricsGenerator.SpanMetrics.Dimensions[0]));
    }

    [Fact]
    public void TheFlatFormOfATenantNeedsItsSwitchToo()
    {
        const string text = "overrides: {a: {ingestion_burst_size_bytes: 9}}";
        Assert.Throws<ConfigException>(() => Apply(text));
        Assert.Equal(9, Apply(text, isLegacyAllowed: true).Of(Tenant("a")).Ingestion.BurstSizeBytes);

        // The one section of the flat form, as an example of Tempo has it.
        var limits = Apply("overrides: {a: {ingestion_burst_size_bytes: 9, cost_attribution: {dimensions: {service.name: svc}}}}",
            isLegacyAllowed: true).Of(Tenant("a"));
        Assert.Equal((9, "svc"), (limits.Ingestion.BurstSizeBytes, Assert.Single(limits.CostAttribution.Dimensions).Value));
    }

    [Theory]
    [InlineData("overrides: {a: {ingestion: {rate_limit: 5}}}",
        "o.yaml: line 1: field rate_limit not found in section overrides.a.ingestion")]
    [InlineData("overrides:\n  a/b: {}", "o.yaml: line 2: tenant ID 'a/b' contains unsupported character '/'")]
    [InlineData("overrides: {a: {ingestion: {rate_limit_bytes: x}}}",
        "o.yaml: line 1: overrides.a.ingestion.rate_limit_bytes: cannot unmarshal")]
    [InlineData("overrides: {a: {ingestion: {rate_limit_bytes: overrides.defaults}}}", "`overrides.defaults`")]
    [InlineData("tenants: {}", "field tenants not found in the overrides file")]
    [InlineData("overrides: {a: 5}", "a: a mapping of limits is expected")]
    [InlineData("overrides: [", "o.yaml: line 1")]
    public void WhatIsWrongIsNamedWithItsLine(string text, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigException>(() => Apply(text)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task ABadFileLeavesTheLastGoodLimits()
    {
        await File.WriteAllTextAsync(_file, "overrides: {a: {ingestion: {rate_limit_bytes: 5}}}", TestContext.Current.CancellationToken);
        var (overrides, metrics) = (new TenantOverrides(), new MetricRegistry());
        await using var reloader = OverridesReloader.Start(
            new HostOptions { OverridesFile = _file, OverridesPeriod = TimeSpan.FromHours(1) }, overrides, metrics, Log.Null,
            TimeProvider.System);
        Assert.Equal(5, overrides.Of(Tenant("a")).Ingestion.RateLimitBytes);
        Assert.Contains("tempo_runtime_config_last_reload_successful{config=\"overrides\"} 1", Text(metrics), StringComparison.Ordinal);
        Assert.Contains(
            "tempo_limits_overrides{limit_name=\"ingestion_rate_limit_bytes\",user=\"a\"} 5", Text(metrics), StringComparison.Ordinal);
        Assert.Contains("tempo_limits_defaults{limit_name=\"max_bytes_per_trace\"} 5000000", Text(metrics), StringComparison.Ordinal);

        foreach (var bad in new[] { "overrides: {a: {ingestion: {rate_limit_bytes: -1}}}", "\t", "a: [" })
        {
            await File.WriteAllTextAsync(_file, bad, TestContext.Current.CancellationToken);
            reloader.Reload();
            Assert.Equal(5, overrides.Of(Tenant("a")).Ingestion.RateLimitBytes);
            Assert.Contains("tempo_runtime_config_last_reload_successful{config=\"overrides\"} 0", Text(metrics), StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(_file, "overrides: {b: {ingestion: {rate_limit_bytes: 6}}}", TestContext.Current.CancellationToken);
        reloader.Reload();
        Assert.Equal(
            (30_000_000, 6), (overrides.Of(Tenant("a")).Ingestion.RateLimitBytes, overrides.Of(Tenant("b")).Ingestion.RateLimitBytes));
        Assert.Contains("tempo_runtime_config_last_reload_successful{config=\"overrides\"} 1", Text(metrics), StringComparison.Ordinal);
        Assert.DoesNotContain("user=\"a\"", Text(metrics), StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileEndsTheStart() =>
        Assert.Throws<ConfigException>(() => OverridesReloader.Start(
            new HostOptions { OverridesFile = _file + ".none" }, new TenantOverrides(), new MetricRegistry(), Log.Null,
            TimeProvider.System));

    private static string Text(MetricRegistry metrics)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        metrics.WriteTo(output);
        return System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
