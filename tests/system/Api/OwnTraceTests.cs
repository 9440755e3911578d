using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Ring;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Traces of the process's own work (docs/own-traces.md), sent to the process itself.</summary>
public sealed class OwnTraceTests
{
    private const string CallersSpan = "00f067aa0ba902b7";

    [Fact]
    public async Task A_query_is_a_part_of_its_callers_trace()
    {
        await using var tempo = TempoProcess.Prepare();
        tempo.Variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{tempo.Ports.OtlpHttp}";
        tempo.Variables["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"; // what the test asks again and again has no traces
        tempo.Variables["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=of%20a%20test";
        await tempo.StartAsync();
        var (unwanted, wanted) = (NewTraceId(), NewTraceId());
        await SearchAsync(tempo, unwanted, isSampled: false);
        await SearchAsync(tempo, wanted, isSampled: true);
        var spans = await FindAsync(tempo, wanted, count: 3);

        var request = Assert.Single(spans, static span => span.Name == "GET /api/search");
        Assert.Equal((CallersSpan, 2), (request.ParentSpanId, request.Kind));
        Assert.Equal("string:tempo-all", Of(request.Resource, "service.name"));
        Assert.Equal("string:of a test", Of(request.Resource, "deployment.environment"));
        Assert.Equal("string:{ name = `nothing` }", Of(request.Attributes, "tempo.query"));
        Assert.Equal("int:200", Of(request.Attributes, "http.response.status_code"));
        foreach (var name in (string[])["wait for a place", "run the query"])
            Assert.Equal(request.SpanId, Assert.Single(spans, span => span.Name == name).ParentSpanId);
        // it was asked first, and would have come with the other
        Assert.Equal(404, (await tempo.Api.AskAsync($"/api/traces/{unwanted}")).Status);
        Assert.Equal(0, await tempo.StopAsync());
    }

    [Fact]
    public async Task What_other_nodes_do_for_a_query_is_below_it()
    {
        await using var ring = await RingCluster.StartAsync(new RingSettings { Nodes = 2, IsStatic = true, HasOwnTraces = true });
        var id = NewTraceId();
        await SearchAsync(ring.Nodes[1], id, isSampled: true);
        var spans = await FindAsync(ring.Nodes[1], id, count: 7);
        var request = Assert.Single(spans, static span => span.Name == "GET /api/search");
        var asked = Assert.Single(spans, span => span.Name == "/tempo.peer/v3/live");
        Assert.Equal(
            request.SpanId, Assert.Single(spans, span => span.SpanId == asked.ParentSpanId && span.Name == "ask other nodes").ParentSpanId);
        var answer = Assert.Single(spans, span => span.ParentSpanId == asked.SpanId);
        Assert.Equal((3, 2), (asked.Kind, answer.Kind));
        Assert.NotEqual(Of(asked.Resource, "service.instance.id"), Of(answer.Resource, "service.instance.id"));
    }

    [Fact]
    public async Task What_the_object_service_is_asked_for_is_below_it()
    {
        await using var ring =
            await RingCluster.StartAsync(new RingSettings { Nodes = 2, IsStatic = true, HasOwnTraces = true, IsDivided = false });
        await new RingLedger().SendAsync(ring.Nodes[0], requests: 3);
        foreach (var node in ring.Nodes) await node.Api.FlushAsync();
        await ring.UploadedAsync();
        var id = NewTraceId();
        await SearchAsync(ring.Nodes[1], id, isSampled: true, "{ span.nothing = `here` }");
        var spans = await FindAsync(ring.Nodes[1], id, count: 8);
        var asked = spans.First(static span => span is { ScopeName: "System.Net.Http", Name: "GET" });
        Assert.Contains(spans, span => span.SpanId == asked.ParentSpanId);
        Assert.Equal(3, asked.Kind);
        Assert.StartsWith("int:20", Of(asked.Attributes, "http.response.status_code"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_costs_no_query()
    {
        await using var tempo = TempoProcess.Prepare();
        tempo.Variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://127.0.0.1:1/v1/traces";
        await tempo.StartAsync();
        await SearchAsync(tempo, NewTraceId(), isSampled: true);
        await Eventually.HoldsAsync(
            "the loss is told", async () => (await tempo.Api.MetricsAsync()).Sum("tempo_own_trace_spans_total", "outcome=\"failed\"") >= 3);
        Assert.Contains("traces of this process cannot be sent", tempo.Log, StringComparison.Ordinal);
        await SearchAsync(tempo, NewTraceId(), isSampled: true);
        Assert.Equal(0, await tempo.StopAsync());
    }

    private static string Of(IReadOnlyList<AttributeFacts> attributes, string key) =>
        Assert.Single(attributes, attribute => attribute.Key == key).Value;

    private static string NewTraceId() => Guid.NewGuid().ToString("n");

    private static async Task SearchAsync(TempoProcess tempo, string traceId, bool isSampled, string query = "{ name = `nothing` }")
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{tempo.ApiAddress}/api/search?q={Uri.EscapeDataString(query)}");
        request.Headers.Add("traceparent", $"00-{traceId}-{CallersSpan}-{(isSampled ? "01" : "00")}");
        using var answer = await http.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, answer.ToString());
    }

    private static async Task<IReadOnlyList<SpanFacts>> FindAsync(TempoProcess tempo, string id, int count)
    {
        IReadOnlyList<SpanFacts> spans = [];
        await Eventually.HoldsAsync($"{count} spans are there",
            async () => (await tempo.Api.AskAsync($"/api/traces/{id}")).Status == 200
                && (spans = await tempo.Api.FindTraceAsync(id)).Count >= count);
        return spans;
    }
}
