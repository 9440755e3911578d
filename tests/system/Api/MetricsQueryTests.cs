using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>
/// GET /api/metrics/query_range and /api/metrics/query: parameters and answers. What TraceQL counts is tested beside the engine.
/// </summary>
public sealed class MetricsQueryTests(SharedTempo shared) : IDisposable
{
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("q={}", "not a metrics query")]
    [InlineData("q=", "parse error : syntax error: unexpected $end")]
    [InlineData("q={}|rate(", "parse error at line 1, col 9: syntax error: unexpected $end, expecting )")]
    [InlineData("q={1}|rate()", "compiling query: span filter field expressions must resolve to a boolean: { 1 }")]
    [InlineData("q={}|rate()&start=0&end=0", "start required")]
    [InlineData("q={}|rate()&start=1795221300&end=1795221000", "end must be greater than start")]
    [InlineData("q={}|rate()&start=1795221000&end=1795307400&step=30s",
        "metrics query time range exceeds the maximum allowed duration of 24h0m0s")]
    [InlineData("q={}|rate()&start=1795221000&end=1795221040&step=1ms", "step of 1ms is too small, minimum step for given range is 4ms")]
    [InlineData("q={}|rate()&step=x", "rpc error: code = Code(400) desc = cannot parse \"x\" to a valid duration")]
    public async Task A_bad_range_query_is_400_with_tempos_text(string query, string text)
    {
        var answer = await _api.AskAsync("/api/metrics/query_range?" + query);
        Assert.Equal((400, "text/plain", text), (answer.Status, answer.ContentType, answer.Text));
    }

    [Theory]
    [InlineData("q={", "compiling query: parse error at line 1, col 2: syntax error: unexpected $end")]
    [InlineData("q={}", "not a metrics query")]
    public async Task A_bad_instant_query_is_400_with_tempos_text(string query, string text)
    {
        var answer = await _api.AskAsync("/api/metrics/query?" + query);
        Assert.Equal((400, "text/plain", text), (answer.Status, answer.ContentType, answer.Text));
    }

    [Fact]
    public async Task Spans_are_counted_at_once_and_once()
    {
        var name = "counted " + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
        var spans = Spans.NewTrace(4, name: name);
        for (var sent = 0; sent < 2; sent++) Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(spans))).Status);

        var start = (long)(spans[0].StartUnixNano / 1_000_000_000);
        var query = Uri.EscapeDataString($"{{ name = \"{name}\" }} | count_over_time()");
        var range = JsonDocument.Parse(
            (await _api.AskAsync($"/api/metrics/query_range?q={query}&start={start - 60}&end={start + 60}&step=60")).Text).RootElement;
        var series = Assert.Single(range.GetProperty("series").EnumerateArray());
        Assert.Equal(4, series.GetProperty("samples").EnumerateArray()
            .Sum(static s => s.TryGetProperty("value", out var value) ? value.GetDouble() : 0));
        Assert.Equal(spans[0].TraceId.ToString(),
            series.GetProperty("exemplars")[0].GetProperty("labels")[0].GetProperty("value").GetProperty("stringValue").GetString());

        var instant = await _api.AskAsync($"/api/metrics/query?q={query}&start={start - 60}&end={start + 60}");
        Assert.Equal((200, "application/json"), (instant.Status, instant.ContentType));
        Assert.StartsWith("{\"series\":[{\"labels\":[{\"key\":\"__name__\",\"value\":{\"stringValue\":\"count_over_time\"}}],\"value\":4}],\"metrics\":{", instant.Text, StringComparison.Ordinal);
    }

    public void Dispose() => _otlp.Dispose();
}
