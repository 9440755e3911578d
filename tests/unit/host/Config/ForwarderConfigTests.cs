using Tempo.Engine.Node.SpanCounts;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary><c>distributor.forwarders</c> and the keys of what else is done with requests.</summary>
public sealed class ForwarderConfigTests
{
    private static HostOptions Apply(string distributor)
    {
        var options = new HostOptions();
        Assert.Empty(ConfigFile.Apply("t.yaml", "distributor: " + distributor, options));
        return options;
    }

    [Fact]
    public void EntriesAreReadAndPrintedAsTheyAreRead()
    {
        var options = Apply(
            "{forwarders: [{name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [\"h:4317\", \"10.0.0.1:1\"], tls: {insecure: true}}}, {name: b, backend: otlpgrpc, otlpgrpc: {endpoints: [x:1], tls: {cert_file: /c}}, filter: {}}]}");
        Assert.Equal(("a", 2, true, ""), (options.Forwarders[0].Name, options.Forwarders[0].Endpoints.Count,
            options.Forwarders[0].IsInsecure, options.Forwarders[0].CertFile));
        Assert.Equal(("b", 1, false, "/c"), (options.Forwarders[1].Name, options.Forwarders[1].Endpoints.Count,
            options.Forwarders[1].IsInsecure, options.Forwarders[1].CertFile));
        var again = new HostOptions();
        ConfigFile.Apply("t.yaml", EffectiveConfig.Render(options), again);
        Assert.Equal(EffectiveConfig.Render(options), EffectiveConfig.Render(again));
    }

    [Theory]
    [InlineData("a", "a list is expected")]
    [InlineData("[a]", "name, backend and otlpgrpc are expected")]
    [InlineData("[{backend: otlpgrpc, otlpgrpc: {endpoints: [x:1]}}]", "name is missing")]
    [InlineData("[{name: a, backend: kafka}]", "otlpgrpc is the only one")]
    [InlineData("[{name: a, backend: otlpgrpc}]", "otlpgrpc.endpoints is missing")]
    [InlineData("[{name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [\"http://x:1/y\"]}}]", "is not host:port")]
    [InlineData("[{name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [x:1]}, filter: {traces: {span: [\"true\"]}}}]",
        "OTTL are not available")]
    [InlineData("[{name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [x:1]}}, {name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [x:1]}}]",
        "there is a forwarder")]
    [InlineData("[{name: a, backend: otlpgrpc, otlpgrpc: {endpoints: [x:1], tls: {secure: true}}}]", "field secure not found")]
    public void WhatIsWrongIsNamed(string forwarders, string message) =>
        Assert.Contains(
            message, Assert.Throws<ConfigException>(() => Apply($"{{forwarders: {forwarders}}}")).Message, StringComparison.Ordinal);

    [Fact]
    public void CostAttributionHasItsKeys()
    {
        var usage = Apply("{usage: {cost_attribution: {enabled: true, max_cardinality: 7, stale_duration: 1m}}}").Usage;
        Assert.Equal((true, 7, TimeSpan.FromMinutes(1)), (usage.IsEnabled, usage.MaxCardinality, usage.StaleDuration));
    }

    [Fact]
    public void CountersOfReceivedSpansHaveTheirKeysAndAreOff()
    {
        Assert.Equal(new SpanCountOptions(), Apply("{}").CountedSpans);
        Assert.Equal((true, true), Apply("{metric_received_spans: {enabled: true, root_only: true}}").CountedSpans is var counts
            ? (counts.IsEnabled, counts.OnlyRoots)
            : default);
        Assert.Contains("field roots not found",
            Assert.Throws<ConfigException>(() => Apply("{metric_received_spans: {roots: true}}")).Message, StringComparison.Ordinal);
    }
}
