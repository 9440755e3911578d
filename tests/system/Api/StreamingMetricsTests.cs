using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The metrics methods of <c>tempopb.StreamingQuerier</c>: what they stream is what HTTP answers.</summary>
public sealed class StreamingMetricsTests(SharedTempo shared) : IDisposable
{
    private const string Service = "tempopb.StreamingQuerier/";
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    private Task<GrpcProgram.Call> CallAsync(string method, JsonObject request) =>
        GrpcProgram.CallAsync("tempo.proto", shared.Tempo.ApiGrpcAddress, Service + method, request);

    [Fact]
    public async Task A_range_and_an_instant_are_those_of_http()
    {
        var spans = Spans.NewTrace(3, name: "streamed metrics");
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(spans))).Status);
        var end = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 60 * 60 + 60;
        var query = "{ name = \"streamed metrics\" } | count_over_time() by(name)";
        var nanoseconds = new JsonObject
        {
            ["query"] = query,
            ["start"] = $"{end - 600}000000000",
            ["end"] = $"{end}000000000",
            ["step"] = "60000000000"
        };

        var range = await CallAsync("MetricsQueryRange", nanoseconds);
        Assert.Equal((0, ""), (range.Code, range.Details));
        using var http = JsonDocument.Parse(
            (await shared.Tempo.Api.AskAsync(
                $"/api/metrics/query_range?q={Uri.EscapeDataString(query)}&start={end - 600}&end={end}&step=60s")).Body);
        var streamed = Assert.Single(range.Messages.SelectMany(m => m.GetProperty("series").EnumerateArray()));
        var expected = Assert.Single(http.RootElement.GetProperty("series").EnumerateArray());
        Assert.Equal(Samples(expected, "timestampMs"), Samples(streamed, "timestamp_ms"));
        Assert.Equal(3, Samples(streamed, "timestamp_ms").Sum(s => s.Value));
        var label = Assert.Single(streamed.GetProperty("labels").EnumerateArray());
        Assert.Equal(("name", "streamed metrics"),
            (label.GetProperty("key").GetString(), label.GetProperty("value").GetProperty("string_value").GetString()));
        Assert.Equal(expected.GetProperty("exemplars").GetArrayLength(), streamed.GetProperty("exemplars").GetArrayLength());
        var metrics = range.Messages[^1].GetProperty("metrics");
        Assert.Equal(metrics.GetProperty("totalJobs").GetInt32(), metrics.GetProperty("completedJobs").GetInt32());

        nanoseconds.Remove("step");
        var instant = await CallAsync("MetricsQueryInstant", (JsonObject)nanoseconds.DeepClone());
        Assert.Equal(
            3, Assert.Single(instant.Messages.SelectMany(m => m.GetProperty("series").EnumerateArray())).GetProperty("value").GetDouble());
    }

    [Theory]
    [InlineData("MetricsQueryRange", """{"query":"{} | rate()","end":"1795221300000000000"}""", "start required")]
    [InlineData("MetricsQueryRange", """{"query":"{} | rate(","start":"1795221240000000000","end":"1795221300000000000"}""",
        "parse error at line 1, col 11: syntax error: unexpected $end, expecting )")]
    [InlineData("MetricsQueryRange", """{"query":"{}","start":"1795221240000000000","end":"1795221300000000000"}""", "not a metrics query")]
    [InlineData("MetricsQueryRange", """{"query":"{} | rate()","start":"1795221300000000000","end":"1795221240000000000"}""",
        "end must be greater than start")]
    [InlineData("MetricsQueryInstant", """{"query":"{","start":"1795221240000000000","end":"1795221300000000000"}""",
        "compiling query: parse error at line 1, col 2: syntax error: unexpected $end")]
    public async Task What_is_wrong_is_unknown_with_the_text_of_http(string method, string request, string text)
    {
        var call = await CallAsync(method, (JsonObject)JsonNode.Parse(request)!);
        Assert.Equal((2, text), (call.Code, call.Details));
    }

    [Fact]
    public async Task Many_series_come_in_several_messages_each_once()
    {
        // 300 series of 1,201 samples of 8 bytes and more.
        var spans = Enumerable.Range(0, 300).Select(i => Spans.NewTrace(name: $"of many {i}")[0]).ToArray();
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(spans))).Status);
        var end = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 10;
        var request = new JsonObject
        {
            ["query"] = "{ name =~ \"of many .*\" } | rate() by(name)",
            ["start"] = $"{end - 12000}000000000",
            ["end"] = $"{end}000000000",
            ["step"] = "10000000000",
        };
        var call = await CallAsync("MetricsQueryRange", request);
        Assert.Equal(0, call.Code);
        Assert.True(call.Messages.Count > 1, $"{call.Messages.Count} messages");
        var names = call.Messages.SelectMany(m => m.GetProperty("series").EnumerateArray())
            .Select(s =>
                Assert.Single(s.GetProperty("labels").EnumerateArray()).GetProperty("value").GetProperty("string_value").GetString());
        Assert.Equal(spans.Select(s => s.Name).Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));
    }

    public void Dispose() => _otlp.Dispose();

    private static List<(long TimestampMs, double Value)> Samples(JsonElement series, string timestamp) =>
        [.. series.GetProperty("samples").EnumerateArray().Select(sample => (
            long.Parse(sample.GetProperty(timestamp).GetString()!, System.Globalization.CultureInfo.InvariantCulture),
            sample.TryGetProperty("value", out var value) ? value.GetDouble() : 0))];
}
