using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Prometheus;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Generator;

/// <summary>The same series without remote write, and every page held against Prometheus' own reader.</summary>
public sealed class ScrapeTests : IAsyncLifetime
{
    private static readonly string[] HostileNames =
        ["__name__", "..name..", "le", "job", "instance", "1abc", "a b", "a.b", "a_b", "\u00fc", "\"", "\\", "a\nb{} 1", "#", ""];

    private readonly string _data = Directory.CreateTempSubdirectory("tempo-generator-").FullName;
    private TempoProcess _tempo = null!;

    public async ValueTask InitializeAsync() =>
        _tempo = await TempoProcess.StartAsync(
            GeneratorSettings.Of(_data, "", ", processor: {span_metrics: {dimensions: [odd, le, __name__], enable_target_info: true}}"));

    [Fact]
    public async Task Both_pages_are_what_Prometheus_reads_and_promtool_praises()
    {
        await SendAsync();
        await Promtool.AcceptsAsync((await _tempo.Api.AskAsync("/metrics/generated")).Text);
        await Promtool.AcceptsAsync((await _tempo.Api.AskAsync("/metrics")).Text);

        await using var prometheus = new PrometheusProcess();
        await prometheus.StartAsync(
            ("generated", $"127.0.0.1:{_tempo.Ports.Api}", "/metrics/generated"), ("tempo", $"127.0.0.1:{_tempo.Ports.Api}", "/metrics"));
        await prometheus.HasAsync("up{job='generated'}", 1);
        await prometheus.HasAsync("up{job='tempo'}", 1);
        await prometheus.HasAsync("sum(traces_spanmetrics_calls_total{job='generated'})", 5);
        await prometheus.HasAsync("count(traces_spanmetrics_calls_total{odd=~'a \"quoted\"(?s:.*)'})", 1);
        await prometheus.HasAsync("traces_service_graph_request_total{client='frontend',server='backend'}", 1);
        await Eventually.HoldsAsync(
            "exemplars", async () => (await prometheus.ExemplarTracesAsync("traces_spanmetrics_latency_bucket")).Count > 0);
    }

    [Fact]
    public async Task A_tenant_without_processors_has_no_page()
    {
        await using var tempo = await TempoProcess.StartAsync();
        Assert.Equal(404, (await tempo.Api.AskAsync("/metrics/generated")).Status);
    }

    [Fact]
    public async Task Without_any_metrics_database_there_is_a_service_graph()
    {
        await SendAsync();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await AssertGraphAsync(now);
        await _tempo.Api.FlushAsync();
        await AssertGraphAsync(now);
        await SendAsync();
        await AssertGraphAsync(now, times: 2);
        Assert.Equal(400, (await _tempo.Api.AskAsync("/api/v2/service-graph?start=x")).Status);
        Assert.Equal(400, (await _tempo.Api.AskAsync("/api/v2/service-graph?start=5&end=5")).Status);
    }

    public async ValueTask DisposeAsync()
    {
        await _tempo.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    private async Task AssertGraphAsync(long now, int times = 1)
    {
        var answer = await _tempo.Api.AskAsync($"/api/v2/service-graph?start={now - 600}&end={now + 600}");
        Assert.True(answer.Status == 200, answer.ToString());
        using var json = System.Text.Json.JsonDocument.Parse(answer.Body);
        var edges = json.RootElement.GetProperty("edges").EnumerateArray().Select(static e =>
            $"{e.GetProperty("source")}>{e.GetProperty("target")} {e.GetProperty("detail__connection_type")} {e.GetProperty("detail__requests")} {e.GetProperty("detail__failed")}");
        Assert.Equal([$"backend>orders database {times} 0", $"frontend>backend  {times} {times}", $"user>frontend virtual_node {times} 0"],
            edges.Order(StringComparer.Ordinal));
        var backend =
            json.RootElement.GetProperty("nodes").EnumerateArray().Single(static n => n.GetProperty("id").GetString() == "backend");
        Assert.Equal(
            (1, 200.0), (backend.GetProperty("arc__failed").GetDouble(), Math.Round(backend.GetProperty("secondarystat").GetDouble(), 3)));
        var operation = json.RootElement.GetProperty("operations").EnumerateArray()
            .Single(static o => o.GetProperty("span_name").GetString() == "handle");
        Assert.Equal((times, times), (operation.GetProperty("requests").GetInt32(), operation.GetProperty("errors").GetInt32()));
    }

    // The golden trace, and a span whose label needs escaping, of a resource with the names that a page has itself.
    private async Task SendAsync()
    {
        var trace = GoldenTrace.Make();
        SpanFacts odd = trace[0] with
        {
            SpanId = "b0000000000000aa",
            Kind = 1,
            ParentSpanId = trace[0].SpanId,
            Attributes = [new AttributeFacts("odd", "string:a \"quoted\" \\ label\nof two lines"), new AttributeFacts("le", "string:0.1"),
                new AttributeFacts("__name__", "string:x")],
            Resource = [.. trace[0].Resource, .. HostileNames.Select(static name => new AttributeFacts(name, "string:x"))]
        };
        using var otlp = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode([.. trace, odd]))).Status);
    }
}
