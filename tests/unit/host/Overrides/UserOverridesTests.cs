using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.ObjectStore;
using Tempo.Host.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

public sealed class UserOverridesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-user-overrides-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static UserOverridesDocument Parse(string json)
    {
        var document = UserOverridesDocument.Parse(Encoding.UTF8.GetBytes(json), out var error);
        Assert.Equal("", error);
        return document!;
    }

    [Fact]
    public void ADocumentIsWrittenBackInTempoForm() => Assert.Equal(
        """{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s","processor":{"service_graphs":{},"span_metrics":{},"host_info":{}}}}""",
        Encoding.UTF8.GetString(Parse("""{"metrics_generator":{"collection_interval":"30s","processors":["span-metrics"]}}""").ToJson()));

    [Theory]
    [InlineData("""{"metrics_generator":{"processors":["nope"]}}""",
        "metrics_generator.processor \"nope\" is not a known processor, valid values: [service-graphs span-metrics span-metrics-count span-metrics-latency span-metrics-size host-info]")]
    [InlineData("""{"metrics_generator":{"collection_interval":"1s"}}""",
        "metrics_generator.collection_interval \"1s\" is outside acceptable range of 15s to 5m")]
    [InlineData("""{"forwarders":["x"]}""", "forwarder \"x\" is not a known forwarder, contact your system administrator")]
    [InlineData("""{"foo":1}""", "json: unknown field \"foo\"")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"foo":1}}}}""", "json: unknown field \"foo\"")]
    [InlineData("""{"metrics_generator":{"disable_collection":"x"}}""", "json: cannot unmarshal string into field disable_collection")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"filter_policies":[{"include":{"match_type":"regex","attributes":[{"key":"name","value":"(?!a)b"}]}}]}}}}""", "(?!a)b")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"filter_policies":[{}]}}}}""", "include, include_any or exclude")]
    [InlineData("""{"metrics_generator":{"processor":{"service_graphs":{"histogram_buckets":[2,1]}}}}""", "ascend")]
    [InlineData("{bad", "invalid character 'b' looking for beginning of object key string")]
    [InlineData("[]", "json: an object is expected")]
    [InlineData("{} {}", "invalid character '{'")]
    [InlineData("", "")]
    public void WhatIsWrongIsSaid(string json, string expected)
    {
        Assert.Null(UserOverridesDocument.Parse(Encoding.UTF8.GetBytes(json), out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.NotEmpty(error);
    }

    [Fact]
    public void APatchChangesAndRemoves()
    {
        var document = Parse(
            """{"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s","processor":{"span_metrics":{"dimensions":["a"]}}}}""");
        var patched = UserOverridesDocument.Patch(document,
            """{"metrics_generator":{"collection_interval":null,"disable_collection":true,"processor":{"span_metrics":{"dimensions":["b"]}}}}"""u8, out var error);
        Assert.Equal("", error);
        Assert.Equal("""{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"disable_collection":true,"processor":{"service_graphs":{},"span_metrics":{"dimensions":["b"]},"host_info":{}}}}""",
            Encoding.UTF8.GetString(patched!.ToJson()));
    }

    [Fact]
    public async Task WhatIsSetHoldsAtOnceAndAfterARestart()
    {
        Assert.True(TenantId.TryParse("a", out var a, out _));
        var (overrides, metrics) = (new TenantOverrides(), new MetricRegistry());
        await using (var user = await UserOverrides.StartAsync(
            LocalObjectStore.Open(_folder), overrides, TimeSpan.FromHours(1), metrics, Log.Null, TimeProvider.System))
        {
            await user.SetAsync(a, Parse("""{"metrics_generator":{"processors":["host-info"]}}"""), default);
            Assert.Equal(["host-info"], overrides.Of(a).MetricsGenerator.Processors);
            Assert.Equal(30_000_000, overrides.Of(a).Ingestion.RateLimitBytes);
            Assert.Empty(overrides.OfRuntime(a).MetricsGenerator.Processors);
        }

        var again = new TenantOverrides();
        await using var restarted = await UserOverrides.StartAsync(
            LocalObjectStore.Open(_folder), again, TimeSpan.FromHours(1), metrics, Log.Null, TimeProvider.System);
        Assert.Equal(["host-info"], again.Of(a).MetricsGenerator.Processors);

        // A broken object leaves the last good one; one that is gone is gone.
        await File.WriteAllTextAsync(Path.Combine(_folder, "a", "overrides.json"), "{", TestContext.Current.CancellationToken);
        await restarted.ReloadAsync(default);
        Assert.Equal(["host-info"], again.Of(a).MetricsGenerator.Processors);
        await restarted.SetAsync(a, null, default);
        Assert.Empty(again.Of(a).MetricsGenerator.Processors);
        await restarted.ReloadAsync(default);
        Assert.Null(restarted.Find(a));
    }

    [Fact]
    public void LimitsAreShownAsTheDocumentThatWouldSetThem()
    {
        const string json = """{"forwarders":[],"cost_attribution":{"dimensions":{"service.name":"service"}},"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s","disable_collection":true,"processor":{"service_graphs":{"histogram_buckets":[0.5,1],"filter_policies":[{"include":{"match_type":"strict","attributes":[{"key":"kind","value":"SPAN_KIND_SERVER"}]}}]},"span_metrics":{"intrinsic_dimensions":{"service":false},"dimension_mappings":[{"name":"a","source_labels":["b","c"],"join":"/"}]},"host_info":{"host_identifiers":["h"]}}}}""";
        var limits = Parse(json).ApplyTo(TenantLimits.BuiltIn);
        var shown = UserOverridesDocument.Of(limits);
        Assert.Equivalent(limits, Parse(Encoding.UTF8.GetString(shown.ToJson())).ApplyTo(TenantLimits.BuiltIn));
        Assert.Contains("\"collection_interval\":\"30s\"", Encoding.UTF8.GetString(shown.ToJson()), StringComparison.Ordinal);
    }

    [Fact]
    public void AConflictIsAFieldThatBothSet()
    {
        var file = new TenantLimits
        {
            MetricsGenerator =
            new MetricsGeneratorLimits { Processors = ["host-info"], SpanMetrics = new SpanMetricsLimits { Dimensions = ["x"] } }
        };
        Assert.Equal(["metrics_generator.processors", "metrics_generator.processor.span_metrics.dimensions"],
            Parse("""{"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s","processor":{"span_metrics":{"dimensions":["a"],"enable_target_info":true}}}}""").FieldsSetIn(file));
        Assert.Empty(Parse("""{"metrics_generator":{"collection_interval":"30s"}}""").FieldsSetIn(file));
    }
}
