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
    public async Task A_path_with_two_slashes_is_redirected_to_the_clean_one()
    {
        var answer = await _api.AskAsync("//api/echo");
        Assert.Equal(301, answer.Status);
        Assert.Equal("/api/echo", answer.Headers["Location"]);
    }

    public void Dispose() => _otlp.Dispose();
}
