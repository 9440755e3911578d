using System.Text.Json;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The pages with which Grafana, probes and people look at the server itself.</summary>
public sealed class ServerPagesTests(SharedTempo shared) : IDisposable
{
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    [Fact]
    public async Task Echo_answers_echo()
    {
        var answer = await _api.AskAsync("/api/echo");
        Assert.Equal((200, "echo\n"), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task Build_info_has_a_version_that_grafana_can_compare()
    {
        var answer = await _api.AskAsync("/api/status/buildinfo");
        Assert.Equal((200, "application/json"), (answer.Status, answer.ContentType));
        using var json = JsonDocument.Parse(answer.Body);
        Assert.True(Version.Parse(json.RootElement.GetProperty("version").GetString()!) >= new Version(3, 0));
        Assert.Equal(405, (await _api.AskAsync("/api/status/buildinfo", "POST")).Status);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/api")]
    [InlineData("/api/traces")]
    [InlineData("/api/traces/")]
    [InlineData("/api/v2/traces/")]
    [InlineData("/no/such/page")]
    public async Task An_unknown_path_is_404_with_gos_text(string path)
    {
        var answer = await _api.AskAsync(path);
        Assert.Equal((404, "text/plain", "404 page not found\n"), (answer.Status, answer.ContentType, answer.Text));
    }

    [Fact]
    public async Task Metrics_count_what_was_received()
    {
        const string Received = "tempo_distributor_spans_received_total";
        var before = (await _api.MetricsAsync()).Sum(Received);
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(7)))).Status);
        Assert.True((await _api.MetricsAsync()).Sum(Received) >= before + 7);
    }

    [Fact]
    public async Task The_effective_configuration_is_shown()
    {
        var answer = await _api.AskAsync("/status/config");
        Assert.Equal(200, answer.Status);
        Assert.Contains($"http_listen_port: {shared.Tempo.Ports.Api}", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_says_what_an_acknowledgement_promises()
    {
        Assert.Contains("\nwal:\n  sync: group\n", (await _api.AskAsync("/status")).Text, StringComparison.Ordinal);
        await using var other = await TempoProcess.StartAsync(new TempoSettings { More = "wal:\n  sync: os\n" });
        Assert.Contains("\nwal:\n  sync: os\n", (await other.Api.AskAsync("/status")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_of_services_has_every_port()
    {
        var page = (await _api.AskAsync("/status/services")).Text;
        foreach (var name in (string[])["http", "grpc", "otlp_grpc", "otlp_http", "zipkin", "jaeger_grpc", "jaeger_thrift_http",
            "jaeger_udp_thrift_compact", "jaeger_udp_thrift_binary"])
            Assert.Matches($@"\| {name} +\| Running +\|", page);
    }

    [Theory]
    [InlineData("version", "tempo, version")]
    [InlineData("services", "| node ")]
    [InlineData("endpoints", "/api/v2/traces/{traceID}")]
    [InlineData("runtime_config", "---\n")]
    [InlineData("config", "---\n")]
    public async Task Status_has_a_page_for_each_part_and_one_for_all(string page, string part)
    {
        var answer = await _api.AskAsync($"/status/{page}");
        Assert.Equal((200, "text/plain"), (answer.Status, answer.ContentType));
        Assert.StartsWith($"GET /status/{page}\n", answer.Text, StringComparison.Ordinal);
        Assert.Contains(part, answer.Text, StringComparison.Ordinal);
        Assert.Contains($"GET /status/{page}\n", (await _api.AskAsync("/status")).Text, StringComparison.Ordinal);
        Assert.Equal(405, (await _api.AskAsync($"/status/{page}", "HEAD")).Status);
    }

    [Fact]
    public async Task The_configuration_is_shown_whole_by_defaults_and_by_difference()
    {
        Assert.Contains("http_listen_port: 3200\n", (await _api.AskAsync("/status/config?mode=defaults")).Text, StringComparison.Ordinal);
        var difference = (await _api.AskAsync("/status/config?mode=diff")).Text;
        Assert.Contains($"http_listen_port: {shared.Tempo.Ports.Api}\n", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("default_result_limit", difference, StringComparison.Ordinal);
        var unknown = await _api.AskAsync("/status/config?mode=foo");
        Assert.Equal((500, "unknown value for mode query parameter: foo\n"), (unknown.Status, unknown.Text));
    }

    [Theory]
    [InlineData("/debug/pprof/heap")]
    [InlineData("/status/foo")]
    [InlineData("/distributor/ring")]
    [InlineData("/backend-worker/ring")]
    [InlineData("/ingester/ring")]
    [InlineData("/api/metrics/summary")]
    [InlineData("/usage_metrics")]
    public async Task What_a_single_binary_of_tempo_does_not_have_is_404(string path) =>
        Assert.Equal(404, (await _api.AskAsync(path)).Status);

    [Fact]
    public async Task Pages_of_one_process_say_so()
    {
        Assert.Equal("This instance doesn't use memberlist.", (await _api.AskAsync("/memberlist")).Text);
        Assert.Equal("usage-stats is not enabled\n", (await _api.AskAsync("/status/usage-stats")).Text);
    }

    [Fact]
    public async Task Shutdown_answers_and_stops_the_process()
    {
        await using var tempo = await TempoProcess.StartAsync();
        Assert.Equal(405, (await tempo.Api.AskAsync("/shutdown")).Status);
        Assert.Equal(204, (await tempo.Api.AskAsync("/shutdown", "POST")).Status);
        Assert.Equal(0, await tempo.EndedAsync());
    }

    [Fact]
    public async Task A_path_with_two_slashes_is_redirected_to_the_clean_one()
    {
        var answer = await _api.AskAsync("//api/echo");
        Assert.Equal(301, answer.Status);
        Assert.Equal("/api/echo", answer.Headers["Location"]);
    }

    public void Dispose() => _otlp.Dispose();
}
