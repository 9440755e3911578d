using System.Security.Authentication;
using Tempo.Engine.Node.Generating;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary>Section <c>metrics_generator</c>, in Tempo's and in Prometheus' words.</summary>
public sealed class GeneratorConfigTests
{
    private static (HostOptions Options, List<string> Warnings) Apply(string yaml)
    {
        var options = new HostOptions();
        return (options, ConfigFile.Apply("t.yaml", yaml, options));
    }

    private static string Error(string yaml) => Assert.Throws<ConfigException>(() => Apply(yaml)).Message;

    [Fact]
    public void A_section_of_Tempo_is_taken_whole()
    {
        var (options, warnings) = Apply("""
            metrics_generator:
              limiter_type: entity
              ring_mode: generator
              registry: {max_label_name_length: 55, collection_interval: 5s, stale_duration: 1m, external_labels: {cluster: c}, inject_tenant_id_as: tenant}
              metrics_ingestion_time_range_slack: 45s
              ring: {instance_id: me}
              processor:
                service_graphs: {database_name_attributes: [shard], wait: 3s, max_items: 7, dimensions: [region], histogram_buckets: [1, 2], enable_virtual_node_label: true}
                span_metrics: {dimensions: [a, b], intrinsic_dimensions: {span_kind: false}, enable_target_info: true}
                host_info: {metric_name: hosts}
              storage:
                path: /p
                remote_write_flush_deadline: 7s
                remote_write_add_org_id_header: false
                remote_write:
                  - url: https://u:p@host/write
                    send_exemplars: true
                    headers: {X-Key: hunter2}
                    protobuf_message: io.prometheus.write.v2.Request
                    basic_auth: {username: me, password: hunter2}
                    tls_config: {insecure_skip_verify: true, server_name: s, min_version: TLS13}
                    proxy_from_environment: true
                    queue_config: {max_samples_per_send: 99, min_backoff: 1s, max_backoff: 1m, max_shards: 5, sample_age_limit: 2h, retry_on_http_429: false}
                    write_relabel_configs:
                      - {source_labels: [__name__, b], regex: 'a;b', action: drop}
                      - {regex: span_.*, action: labeldrop}
            overrides: {defaults: {metrics_generator: {processors: [span-metrics, local-blocks], processor: {span_metrics: {dimensions: [c]}}}}}
            """);
        Assert.Equal(2, warnings.Count);
        Assert.Contains(warnings, static w => w.Contains("ring_mode has no effect", StringComparison.Ordinal));
        Assert.Contains(warnings, static w => w.StartsWith("t.yaml: line 16: ", StringComparison.Ordinal)
            && w.Contains("queue_config.max_shards has no effect", StringComparison.Ordinal));
        var generator = options.Node.Generator;
        var defaults = options.GeneratorProcessors.MetricsGenerator.Over(generator.Defaults);
        Assert.Equal((TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(45), "tenant"),
            (defaults.CollectionInterval, defaults.StaleDuration, defaults.IngestionSlack, defaults.InjectTenantIdAs));
        Assert.Equal((TimeSpan.FromSeconds(3), 7, true),
            (defaults.ServiceGraphs.Wait, defaults.ServiceGraphs.MaxItems, defaults.ServiceGraphs.EnableVirtualNodeLabel));
        Assert.Equal([1, 2], defaults.ServiceGraphs.HistogramBuckets);
        Assert.Equal(["a", "b"], defaults.SpanMetrics.Dimensions);
        Assert.Equal((false, true, true), (defaults.SpanMetrics.IntrinsicDimensions.SpanKind,
            defaults.SpanMetrics.IntrinsicDimensions.SpanName, defaults.SpanMetrics.EnableTargetInfo));
        Assert.True(defaults.Processors.IsEmpty);
        Assert.Equal("hosts", defaults.HostInfo.MetricName);
        Assert.Equal(("me", "/p", false), (generator.InstanceId, generator.StoragePath, generator.AddOrgIdHeader));

        var target = Assert.Single(generator.RemoteWrite);
        Assert.Equal((true, false, true, 99, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)),
            (target.SendExemplars, target.SendNativeHistograms, target.UsesVersion2, target.MaxSamplesPerSend, target.MinBackoff,
                target.MaxBackoff));
        Assert.Equal((true, SslProtocols.Tls13, TimeSpan.FromHours(2), false),
            (target.UsesProxyOfEnvironment, target.Tls.Protocols, target.SampleAgeLimit, target.RetriesOn429));
        Assert.Equal((true, 55), (defaults.LimitsEntities, defaults.MaxLabelNameBytes));
        Assert.Equal(["shard"], defaults.ServiceGraphs.DatabaseNameAttributes);
        Assert.Equal("Basic bWU6aHVudGVyMg==", target.Authorization!());
        Assert.Equal("https://host/write", target.ShownUrl);
        Assert.Equal(2, target.WriteRelabelRules.Count);

        // A tenant's own settings lie over those of the process.
        var tenant = options.Limits.MetricsGenerator.Over(defaults);
        Assert.Equal(["c"], tenant.SpanMetrics.Dimensions);
        Assert.Equal(["span-metrics"], tenant.Processors.ActiveNames);
        Assert.DoesNotContain("hunter2", EffectiveConfig.Render(options), StringComparison.Ordinal);
        Assert.Contains("https://host/write", EffectiveConfig.Render(options), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("url: x", "not an http or https URL")]
    [InlineData("name: a", "url is missing")]
    [InlineData("url: http://h, oauth2: {client_id: a}", "oauth2 needs client_id, client_secret or client_secret_file, and token_url")]
    [InlineData("url: http://h, oauth2: {client_id: a, client_secret: b, token_url: c}", "not an http or https URL")]
    [InlineData("url: http://h, bearer_token: x, oauth2: {client_id: a, client_secret: b, token_url: 'http://c'}", "at most one")]
    [InlineData("url: http://h, sigv4: {region: a, access_key: b}", "sigv4 needs access_key and secret_key")]
    [InlineData("url: http://h, sigv4: {region: a, role_arn: b}", "not available")]
    [InlineData("url: http://h, azuread: {}", "not available")]
    [InlineData("url: http://h, write_relabel_configs: [{action: hashmod, target_label: a}]", "modulus")]
    [InlineData("url: http://h, write_relabel_configs: [{action: upcase}]", "upcase")]
    [InlineData("url: http://h, remote_timeout: soon", "remote_timeout")]
    [InlineData("url: http://h, write_relabel_configs: [{action: hashmod}]", "hashmod")]
    [InlineData("url: http://h, write_relabel_configs: [{regex: '(', action: drop}]", "regex")]
    [InlineData("url: http://h, write_relabel_configs: [{regex: '(?!a).*', action: drop}]", "regex")]
    [InlineData("url: http://h, tls_config: {min_version: TLS13, max_version: TLS12}", "min_version is above max_version")]
    [InlineData("url: http://h, tls_config: {max_version: TLS11}", "not available")]
    [InlineData("url: http://h, tls_config: {min_version: '1.2'}", "known are")]
    [InlineData("url: http://h, proxy_url: 'socks5://p'", "not an http or https URL")]
    [InlineData("url: http://h, what: 1", "what")]
    [InlineData("url: http://h, basic_auth: {username: a}, bearer_token: b", "at most one")]
    public void A_target_that_makes_no_sense_is_told_with_its_line(string entry, string expected)
    {
        var error = Error($"metrics_generator:\n  storage:\n    remote_write:\n      - {{{entry}}}\n");
        Assert.Contains("line 4", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_users_name_may_stand_in_a_file()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "me\n");
        var (options, _) = Apply(
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'http://h', basic_auth: {{username_file: '{file}', password: hunter2}}}}]}}}}");
        Assert.Equal("Basic bWU6aHVudGVyMg==", Assert.Single(options.Node.Generator.RemoteWrite).Authorization!());
        Assert.Equal(TimeSpan.FromMinutes(1), options.Node.Generator.RemoteWriteFlushDeadline);
        File.Delete(file);
    }

    [Fact]
    public void Two_targets_that_nothing_tells_apart_are_one_too_many()
    {
        const string list = "metrics_generator:\n  storage:\n    remote_write:\n";
        Assert.Contains("line 5: \"http://h/\" with the same account",
            Error($"{list}      - {{url: 'http://h'}}\n      - {{url: 'http://h'}}\n"), StringComparison.Ordinal);
        var (options, _) = Apply(
            $"{list}      - {{url: 'http://h'}}\n      - {{url: 'http://h', basic_auth: {{username: a}}}}\n      - {{url: 'http://h', basic_auth: {{username: b}}}}\n      - {{url: 'http://h', headers: {{a: b}}}}\n");
        Assert.Equal(4, options.Node.Generator.RemoteWrite.Select(static t => t.Id).Distinct().Count());
    }

    // By the same door as the overrides file and POST /api/overrides.
    [Theory]
    [InlineData("processor: {span_metrics: {intrinsic_dimensions: {nope: true}}}", "\"nope\" is not known")]
    [InlineData("processor: {span_metrics: {histogram_buckets: [2, 1]}}", "ascend")]
    [InlineData("processor: {service_graphs: {histogram_buckets: [2, .inf]}}", "number")]
    [InlineData("processor: {host_info: {metric_name: a-b}}", "a-b")]
    [InlineData("trace_id_label_name: 'a\"b'", "not a name")]
    [InlineData("processor: {span_metrics: {filter_policies: [{include: {match_type: regex, attributes: [{key: name, value: '(?!a)b'}]}}]}}", "(?!a)b")]
    [InlineData("processor: {service_graphs: {filter_policies: [{exclude: {match_type: strict, attributes: [{key: kind, value: server}]}}]}}", "SPAN_KIND_SERVER")]
    [InlineData("processor: {span_metrics: {filter_policies: [{}]}}", "include, include_any or exclude")]
    [InlineData("processor: {span_metrics: {filter_policies: [{include: {attributes: [{key: name, value: a}]}}]}}",
        "match_type is missing")]
    public void Limits_that_make_no_sense_are_told(string limits, string expected)
    {
        var error = Error($"overrides:\n  defaults:\n    metrics_generator: {{{limits}}}\n");
        Assert.Contains("line 3", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inject_tenant_id_as: a-b")]
    [InlineData("external_labels: {a-b: c}")]
    public void A_label_that_no_receiver_takes_is_refused(string key) =>
        Assert.Contains("\"a-b\" is not a label name", Error($"metrics_generator: {{registry: {{{key}}}}}"), StringComparison.Ordinal);
}
