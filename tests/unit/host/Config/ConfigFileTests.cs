using System.Text;
using Tempo.Engine.Node;
using Tempo.Engine.Storage.Wal;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public class ConfigFileTests
{
    private static (HostOptions Options, List<string> Warnings) Apply(string yaml)
    {
        var options = new HostOptions();
        return (options, ConfigFile.Apply("t.yaml", yaml, options));
    }

    private static string Error(string yaml) => Assert.Throws<ConfigException>(() => Apply(yaml)).Message;

    [Fact]
    public void ReadsEveryKeyThatHasAnEffect()
    {
        var (o, warnings) = Apply("""
            target: all
            multitenancy_enabled: true
            http_api_prefix: /tempo
            shutdown_delay: 1s
            server: {http_listen_address: 127.0.0.1, http_listen_port: 80, log_level: warn, log_format: json, graceful_shutdown_timeout: 1m30s}
            distributor:
              max_attribute_bytes: 1024
              receivers:
                otlp:
                  protocols:
                    grpc: {endpoint: "0.0.0.0:14317", max_recv_msg_size_mib: 8}
            query_frontend: {search: {default_result_limit: 5, max_duration: 2h}}
            wal: {sync: os}
            storage:
              trace:
                backend: local
                wal: {path: /w}
                local: {path: /b}
                block:
                  version: vParquet5
                  bloom_filter_false_positive: .05
                  bloom_filter_shard_size_bytes: 0x20000
                  parquet_dedicated_columns:
                    - {scope: resource, name: k8s.pod.name, type: string}
                    - {scope: span, name: "http.status", type: int, options: [array, blob]}
            ingester: {max_block_duration: 30m, max_block_bytes: 500MiB}
            """);
        Assert.Empty(warnings);
        Assert.True(o.MultitenancyEnabled);
        Assert.Equal("/tempo", o.HttpApiPrefix);
        Assert.Equal(TimeSpan.FromSeconds(90), o.GracefulShutdownTimeout);
        Assert.Equal(new ListenAddress("0.0.0.0", 14317), o.Receivers.OtlpGrpc!.Listen);
        Assert.Equal(8 << 20, o.Receivers.OtlpGrpc.MaxRequestBytes);
        Assert.Null(o.Receivers.OtlpHttp);
        Assert.Equal(5, o.Search.DefaultLimit);
        Assert.Equal(TimeSpan.FromHours(2), o.Search.MaxDuration);
        Assert.Equal(
            (WalSyncMode.Os, "/w", "/b", .05, 0x20000, TimeSpan.FromMinutes(30), 500L << 20, 1024),
            (o.Node.WalSync, o.Node.WalPath, o.Node.BlocksPath, o.Node.BloomFalsePositive, o.Node.BloomShardBytes, o.Node.MaxBlockDuration,
                o.Node.MaxLiveBytes, o.Node.MaxAttributeBytes));
        Assert.Equal(["resource/k8s.pod.name/string/", "span/http.status/int/array+blob"],
            o.Node.DedicatedColumns.Select(c => $"{c.Scope}/{c.Name}/{c.Type}/{string.Join('+', c.Options)}"));
    }

    [Theory]
    [InlineData("", true, true)]
    [InlineData("server: {}", true, true)]
    [InlineData("distributor: {receivers: {}}", false, false)]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: , http: }}}}", true, true)]
    [InlineData("distributor: {receivers: {otlp: {protocols: {http: null}}}}", false, true)]
    public void ReceiversAreThoseTheFileNamesOrTheDefaults(string yaml, bool grpc, bool http)
    {
        var (o, _) = Apply(yaml);
        Assert.Equal((grpc, http), (o.Receivers.OtlpGrpc is not null, o.Receivers.OtlpHttp is not null));
    }

    [Theory]
    [InlineData("\nfoo: 1", "t.yaml: line 2: field foo not found in the configuration")]
    [InlineData("server:\n  http_listen_port: 80\n  foo: 1", "t.yaml: line 3: field foo not found in section server")]
    [InlineData("server:\n  http_listen_port: abc", "t.yaml: line 2: server.http_listen_port: cannot unmarshal !!str `abc` into int")]
    [InlineData("server: {http_listen_port: 65536}",
        "t.yaml: line 1: server.http_listen_port: 65536 is out of range, 0 to 65535 is allowed")]
    [InlineData("shutdown_delay: 5x", "t.yaml: line 1: shutdown_delay: cannot unmarshal !!str `5x` into time.Duration")]
    [InlineData("shutdown_delay: -5s", "t.yaml: line 1: shutdown_delay: -5s is out of range")]
    [InlineData("multitenancy_enabled: 3", "t.yaml: line 1: multitenancy_enabled: cannot unmarshal !!int `3` into bool")]
    [InlineData("server: 5", "t.yaml: line 1: server: a mapping of keys is expected")]
    [InlineData("target: [a]", "t.yaml: line 1: target: a single value is expected")]
    [InlineData("storage: {trace: {wal: {path: \"\"}}}", "t.yaml: line 1: storage.trace.wal.path: must not be empty")]
    [InlineData("target: ingestor", "t.yaml: line 1: target: unknown value \"ingestor\", known are all, scalable-single-binary, distributor, ingester, live-store, querier, query-frontend, compactor")]
    [InlineData("server: {http_listen_address: a..b}", "t.yaml: line 1: server.http_listen_address: \"a..b\" is not an address")]
    [InlineData("storage: {trace: {backend: foo}}", "t.yaml: line 1: storage.trace.backend: unknown backend \"foo\"")]
    [InlineData("storage: {trace: {block: {version: v2}}}", "v2 is not a valid block version")]
    [InlineData("storage:\n  trace:\n    block:\n      parquet_dedicated_columns:\n        - {name: a}\n        - {scope: foo}",
        "line 4: storage.trace.block.parquet_dedicated_columns: entry at line 6: scope has a value that is not known")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: nowhere}}}}}", "is not an address and port")]
    [InlineData("distributor:\n  receivers:\n    otlp:\n      protocols:\n        grpc:\n          tls: {cert_pem: a}",
        "line 6: distributor.receivers.otlp.protocols.grpc.tls.cert_pem: not available")]
    [InlineData("a: 1\na: 2", "t.yaml: line 2: key \"a\" already set in this mapping")]
    [InlineData("server:\n\thttp_listen_port: 1", "t.yaml: line 2:")]
    [InlineData("server: [1", "t.yaml: line 1:")]
    [InlineData("server: }", "t.yaml: line 1:")]
    [InlineData("- a", "t.yaml: line 1: the configuration is a mapping of keys")]
    [InlineData("a: 1\n---\nb: 1", "a second document")]
    [InlineData("a: *x", "line 1")]
    [InlineData("a: &x {b: *x}", "line 1")]
    [InlineData("server: {<<: {http_listen_port: 1}}", "line 1: merge keys (<<) are not read")]
    [InlineData("target: !!binary YWxs", "line 1: tag \"tag:yaml.org,2002:binary\" is not known")]
    [InlineData("? [a]\n: 1", "line 1: a key must be a plain text")]
    [InlineData("http_api_prefix: tempo", "must start with /")]
    public void RefusesWithTheLine(string yaml, string expected) => Assert.Contains(expected, Error(yaml), StringComparison.Ordinal);

    [Fact]
    public void ListsAllErrorsOfAFileUpToALimit()
    {
        Assert.Equal(3, Error("foo: 1\nserver: {bar: 1, http_listen_port: x}").Split('\n').Length);
        Assert.Equal(20, Error(string.Concat(Enumerable.Range(0, 100).Select(i => $"k{i}: 1\n"))).Split('\n').Length);
    }

    [Fact]
    public void KeysOfTempoWithoutEffectAreWarnings()
    {
        var (_, warnings) = Apply(
            "memberlist:\n  anything: {at: all}\ninternal_server: {x: [1]}\nserver:\n  log_source_ips_enabled: true\nstorage: {trace: {block: {version: vParquet3}}}");
        Assert.Collection(warnings,
            w => Assert.StartsWith("t.yaml: line 1: memberlist has no effect", w),
            w => Assert.StartsWith("t.yaml: line 3: internal_server has no effect", w),
            w => Assert.StartsWith("t.yaml: line 5: server.log_source_ips_enabled has no effect", w),
            w => Assert.Contains("new blocks are written as vParquet4", w, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("compactor: {compaction: {block_retention: 48h, compacted_block_retention: 10m, compaction_window: 30m, max_block_bytes: 1GiB, max_compaction_objects: 1000, max_concurrent_merges: 3, compaction_cycle: 5s}}")]
    [InlineData("backend_worker: {compaction: {block_retention: 48h, compacted_block_retention: 10m, compaction_window: 30m, max_block_bytes: 1GiB, max_compaction_objects: 1000, max_concurrent_merges: 3}}\nbackend_scheduler: {provider: {compaction: {min_cycle_interval: 5s}}}")]
    [InlineData("backend_scheduler: {provider: {compaction: {min_cycle_interval: 5s, compaction: {block_retention: 48h, compacted_block_retention: 10m, compaction_window: 30m, max_block_bytes: 1GiB, max_compaction_objects: 1000, max_concurrent_merges: 3}}}}")]
    public void CompactionHasTheNamesOfBothGenerations(string yaml)
    {
        var (options, warnings) = Apply(yaml);
        var node = options.Node;
        Assert.Empty(warnings);
        Assert.Equal((TimeSpan.FromHours(48), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30)),
            (node.BlockRetention, node.CompactedBlockRetention, node.CompactionWindow));
        Assert.Equal((1L << 30, 1000L, 3, TimeSpan.FromSeconds(5)),
            (node.MaxCompactedBlockBytes, node.MaxCompactionObjects, node.MaxConcurrentMerges, node.CompactionCycle));
        Assert.Contains("0s is out of range, 1s to", Error("compactor: {compaction: {compaction_window: 0s}}"), StringComparison.Ordinal);
    }

    [Fact]
    public void AnAliasBombCostsItsOwnTextOnly()
    {
        // Nine levels of nine: 9^9 values if anything followed them.
        var yaml = new StringBuilder("compactor:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i <= 9; i++) yaml.Append($"  a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        Assert.Contains("aliases repeat more than 1000 values", Error(yaml.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void AnAliasIsFollowed()
    {
        var (o, _) = Apply("memory: &address 127.0.0.9\nserver: {http_listen_address: *address}");
        Assert.Equal("127.0.0.9", o.HttpListenAddress);
    }

    [Fact]
    public void DepthSizeAndCountAreLimited()
    {
        Assert.Contains("nested deeper than 64", Error("memory: " + new string('[', 100) + new string(']', 100)), StringComparison.Ordinal);
        Assert.Contains("at most 10485760 are read", Error("# " + new string('x', YamlReader.MaxFileBytes)), StringComparison.Ordinal);
        Assert.Contains("more than 200000 values", Error("memory: [" + string.Concat(Enumerable.Repeat("1,", 200_001)) + "]"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void ATextCutAnywhereIsReadOrRefusedButNeverThrowsAnythingElse()
    {
        const string yaml = "server:\n  http_listen_port: 80\n  log_level: \"info\"\nwal: {sync: os}\nstorage:\n  trace:\n    block:\n      parquet_dedicated_columns: [{scope: span, name: \"a\\n\", type: int}]\nmemory: &m 'x''y'\ninternal_server: |\n  text\n  more\n";
        for (var length = 0; length <= yaml.Length; length++)
        {
            try
            {
                Apply(yaml[..length]);
            }
            catch (ConfigException e)
            {
                Assert.Matches("^t.yaml: (line [0-9]+|unexpected end)", e.Message);
            }
        }
    }

    [Fact]
    public void RandomTextNeverThrowsAnythingElse()
    {
        var random = new Random(1);
        const string alphabet = "abserver:{}[],&*!|>'\"%@`#?- \n\t0123<=~.";
        for (var run = 0; run < 20_000; run++)
        {
            var text = new string(random.GetItems<char>(alphabet, random.Next(40)));
            try
            {
                Apply(text);
            }
            catch (ConfigException)
            {
            }
        }
    }

    [Fact]
    public void TheEffectiveConfigurationReadsBackAsItself()
    {
        var (o, _) = Apply("""
            http_api_prefix: "/a b"
            server: {tls_min_version: VersionTLS13, tls_cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, http_tls_config: {cert_file: c, key_file: k}}
            distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: "[::1]:5"}, http: {endpoint: ":6"}}}}}
            storage: {trace: {block: {parquet_dedicated_columns: [{scope: span, name: 'q"\x', type: string, options: [blob]}]}}}
            live_store: {max_block_duration: 90s}
            """);
        var text = EffectiveConfig.Render(o);
        var (again, warnings) = Apply(text);
        Assert.Empty(warnings);
        Assert.Equal(text, EffectiveConfig.Render(again));
        Assert.Equal(("c", "1.3", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            (again.HttpTls!.CertFile, again.ServerTls.MinVersion, Assert.Single(again.ServerTls.CipherSuites).ToString()));
        Assert.Equal(("/a b", "[::1]:5", "q\"\\x", 90),
            (again.HttpApiPrefix, again.Receivers.OtlpGrpc!.Listen.ToString(), again.Node.DedicatedColumns[0].Name,
                again.Node.MaxBlockDuration.TotalSeconds));
    }
}
