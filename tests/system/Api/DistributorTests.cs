using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>What is done with accepted requests beside storing them: forwarding and cost attribution.</summary>
public sealed class DistributorTests
{
    [Fact]
    public async Task A_tenants_requests_are_sent_on_to_another_server_and_a_server_that_is_down_costs_only_the_copies()
    {
        await using var other = await TempoProcess.StartAsync(new TempoSettings { Multitenancy = true });
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            Multitenancy = true,
            DistributorMore = $"\n  forwarders: [{{name: copy, backend: otlpgrpc, otlpgrpc: {{endpoints: [\"127.0.0.1:{other.Ports.OtlpGrpc}\"], tls: {{insecure: true}}}}}}]",
            Overrides = "{defaults: {ingestion: {rate_limit_bytes: 1000000000, burst_size_bytes: 1000000000}, forwarders: [copy]}}",
        });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var first = Spans.NewTrace(3);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(first), tenant: "a")).Status);
        await Eventually.HoldsAsync(
            "the other server has the trace", async () => (await other.Api.FindTraceAsync(first[0].TraceId, "a")).Count == 3);
        Assert.Empty(await other.Api.FindTraceAsync(first[0].TraceId, "b"));

        await other.KillAsync();
        var second = Spans.NewTrace(2);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(second), tenant: "a")).Status);
        Assert.Equal(2, (await tempo.Api.FindTraceAsync(second[0].TraceId, "a")).Count);
        await Eventually.HoldsAsync("the failure is counted",
            async () => (await tempo.Api.MetricsAsync()).Sum("tempo_distributor_forwarder_pushes_failures_total", "reason=\"send\"") == 1);
        Assert.Equal(2, (await tempo.Api.MetricsAsync()).Sum("tempo_distributor_forwarder_pushes_total", "forwarder=\"copy\""));

        await other.StartAsync();
        var third = Spans.NewTrace(1);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(third), tenant: "a")).Status);
        await Eventually.HoldsAsync("it goes on by itself", async () => (await other.Api.FindTraceAsync(third[0].TraceId, "a")).Count == 1);
    }

    [Fact]
    public async Task Bytes_are_attributed_to_the_labels_that_a_tenant_names()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            DistributorMore = "\n  usage: {cost_attribution: {enabled: true}}",
            Overrides = "{defaults: {ingestion: {rate_limit_bytes: 1000000000, burst_size_bytes: 1000000000}, cost_attribution: {dimensions: {service.name: service, nobody: \"\"}}}}",
        });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var request = ExportRequest.Encode(Spans.NewTrace(5));
        Assert.Equal(200, (await otlp.PostAsync(request)).Status);
        Assert.Equal(400, (await otlp.PostAsync([0xFF])).Status);

        var usage = new PrometheusText((await tempo.Api.AskAsync("/usage_metrics")).Text);

        Assert.Equal(request.Length, usage.Sum(
            "tempo_usage_tracker_bytes_received_total", "nobody=\"__missing__\",tenant=\"single-tenant\",tracker=\"cost-attribution\""));
    }
}
