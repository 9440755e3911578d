using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Traces by id of which another server has a part: <c>querier.trace_by_id.external</c>.</summary>
public sealed class ExternalTraceTests
{
    [Fact]
    public async Task What_another_server_has_of_a_trace_is_part_of_it()
    {
        await using var other = await TempoProcess.StartAsync(new TempoSettings { Multitenancy = true });
        await using var tempo =
            await TempoProcess.StartAsync(new TempoSettings { Multitenancy = true, More = MoreOf(other.ApiAddress, isPartOfAll: true) });
        var trace = Spans.NewTrace(3);
        await SendAsync(tempo, trace[..2]);
        await SendAsync(other, trace[1..]); // the middle one is on both
        async Task<string[]> IdsAsync(string query, string tenant = "a") =>
            [.. TraceJson.SpansOfTrace(
                JsonDocument.Parse((await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}{query}", tenant: tenant)).Text).RootElement)
                    .Select(static span => span.SpanId)];

        Assert.Equal(trace.Select(static span => span.SpanId), await IdsAsync(""));
        Assert.Equal(trace[1..].Select(static span => span.SpanId), await IdsAsync("?mode=external"));
        Assert.Equal(trace[..2].Select(static span => span.SpanId), await IdsAsync("?mode=ingesters"));
        Assert.Equal(404, (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}", tenant: "b")).Status);

        await other.KillAsync();
        var v2 = await tempo.Api.AskAsync($"/api/v2/traces/{trace[0].TraceId}", tenant: "a");
        Assert.Contains("\"status\":\"PARTIAL\",\"message\":\"querier.trace_by_id.external: ", v2.Text, StringComparison.Ordinal);
        Assert.Equal(500, (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}", tenant: "a")).Status);
        Assert.True((await tempo.Api.MetricsAsync()).Sum("tempo_querier_external_endpoint_request_duration_seconds_count") >= 4);
    }

    [Fact]
    public async Task Where_it_is_not_part_of_all_it_is_asked_for_itself_alone()
    {
        await using var other = await TempoProcess.StartAsync();
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { More = MoreOf(other.ApiAddress, isPartOfAll: false) });
        var trace = Spans.NewTrace();
        await SendAsync(other, trace);
        Assert.Equal(404, (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}")).Status);
        Assert.Equal(200, (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}?mode=external")).Status);
        Assert.Equal(500, (await other.Api.AskAsync($"/api/traces/{trace[0].TraceId}?mode=external")).Status);
    }

    private static string MoreOf(string address, bool isPartOfAll) =>
        $"querier:\n  trace_by_id:\n    external: {{endpoint: \"http://{address}/\", timeout: 5s}}\n"
        + $"query_frontend:\n  trace_by_id:\n    external_enabled: {(isPartOfAll ? "true" : "false")}\n";

    private static async Task SendAsync(TempoProcess tempo, IReadOnlyList<SpanFacts> spans)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans), tenant: "a")).Status);
    }
}
