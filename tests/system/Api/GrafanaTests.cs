using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>
/// What Grafana's Tempo data source does from "Save &amp; test" to an open trace, in its order, and the members of the answers
/// that it dereferences. Its service graph and RED tables are queries of a Prometheus and not of this API: Generator/RemoteWriteTests
/// asks those, of a real one.
/// </summary>
public sealed class GrafanaTests(SharedTempo shared) : IDisposable
{
    private const string Protobuf = "application/protobuf";
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    private async Task<JsonElement> JsonAsync(string path)
    {
        var answer = await _api.AskAsync(path, accept: "application/json", acceptEncoding: null);
        Assert.True(answer.Status == 200, $"{path}: {answer}");
        Assert.Equal("application/json", answer.ContentType);
        return JsonDocument.Parse(answer.Body).RootElement;
    }

    [Fact]
    public async Task From_the_test_of_the_data_source_to_an_open_trace()
    {
        var spans = Spans.NewTrace(3, "GET /grafana");
        spans = [.. spans.Select(
            s => s with { Resource = [new("service.name", "string:grafana-shop")], Attributes = [new("http.status_code", "int:200")] })];
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(spans))).Status);
        var (start, end) = (DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 1800, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 5);

        // Save & test: echo, the version that opens the features, and a probe of the stream.
        Assert.Equal(200, (await _api.AskAsync("/api/echo")).Status);
        var version = Version.Parse((await JsonAsync("/api/status/buildinfo")).GetProperty("version").GetString()!);
        Assert.True(version >= new Version(2, 7), $"{version} would switch streaming of metrics off");
        Assert.Equal(0, (await StreamAsync("Search", new() { ["Query"] = "{}", ["Limit"] = 1 })).Code);

        // The editor opens: names, with the intrinsics in a scope of their own.
        var scopes = (await JsonAsync($"/api/v2/search/tags?limit=5000&start={start}&end={end}")).GetProperty("scopes").EnumerateArray()
            .ToDictionary(
                s => s.GetProperty("name").GetString()!, s => s.GetProperty("tags").EnumerateArray().Select(t => t.GetString()!).ToArray());
        Assert.Contains("service.name", scopes["resource"]);
        Assert.Contains("http.status_code", scopes["span"]);
        Assert.Contains("rootServiceName", scopes["intrinsic"]);

        // Values while the query is half typed; the type decides whether it is quoted.
        Assert.Contains(("string", "grafana-shop"), await ValuesAsync("resource.service.name", "", start, end));
        Assert.Equal(
            [("string", "GET /grafana")], await ValuesAsync("name", "{resource.service.name=\"grafana-shop\" && name=}", start, end));
        Assert.Equal(
            [("int", "200")], await ValuesAsync("span.http.status_code", "{resource.service.name=\"grafana-shop\" && }", start, end));
        Assert.Contains(("keyword", "error"), await ValuesAsync("status", "", start, end));

        // Search, streamed and not: the table and its progress bar.
        const string query = "{resource.service.name=\"grafana-shop\" && name=\"GET /grafana\"}";
        var http = await JsonAsync($"/api/search?q={Uri.EscapeDataString(query)}&limit=20&spss=3&start={start}&end={end}");
        var hit = Assert.Single(http.GetProperty("traces").EnumerateArray());
        AssertHit(hit, spans);
        var stream = await StreamAsync(
            "Search", new() { ["Query"] = query, ["Limit"] = 20, ["SpansPerSpanSet"] = 3, ["start"] = start, ["end"] = end });
        Assert.Equal(0, stream.Code);
        AssertHit(Assert.Single(stream.Messages.SelectMany(m => m.GetProperty("traces").EnumerateArray())), spans);
        var told = stream.Messages[^1].GetProperty("metrics");
        Assert.True(told.GetProperty("totalJobs").GetInt32() >= 1);
        Assert.Equal(told.GetProperty("totalJobs").GetInt32(), told.GetProperty("completedJobs").GetInt32());

        // A trace is opened: version 2 in protobuf; version 1 for servers that have no other.
        var id = hit.GetProperty("traceID").GetString();
        foreach (var range in new[] { "", $"?start={start}&end={end}" })
        {
            var v2 = await _api.AskAsync($"/api/v2/traces/{id}{range}", accept: Protobuf, acceptEncoding: "gzip");
            Assert.Equal((200, Protobuf), (v2.Status, v2.ContentType));
            var v1 = await _api.AskAsync($"/api/traces/{id}{range}", accept: Protobuf);
            Assert.Equal((200, Protobuf), (v1.Status, v1.ContentType));
            Assert.False(
                v2.Headers.ContainsKey("Content-Encoding"), "an answer this short is not compressed, or it would have to be unpacked here");
            AssertTrace(new ProtobufFields(v1.Body), spans);
            AssertTrace(new ProtobufFields(v2.Body).Message(1), spans);
        }

        var nothing = await _api.AskAsync("/api/v2/traces/123456789abc", accept: Protobuf);
        Assert.Equal("0A001200", Convert.ToHexString(nothing.Body));
        Assert.Equal(404, (await _api.AskAsync("/api/traces/123456789abc", accept: Protobuf)).Status);

        // Metrics in Explore and in panels, streamed and not.
        var metrics = await JsonAsync(
            $"/api/metrics/query_range?q={Uri.EscapeDataString(query + " | rate() by(resource.service.name)")}&start={start}&end={end}&step=60s&exemplars=10");
        var series = Assert.Single(metrics.GetProperty("series").EnumerateArray());
        var label = Assert.Single(series.GetProperty("labels").EnumerateArray());
        Assert.Equal(("resource.service.name", "grafana-shop"),
            (label.GetProperty("key").GetString(), label.GetProperty("value").GetProperty("stringValue").GetString()));
        Assert.True(long.TryParse(series.GetProperty("samples")[0].GetProperty("timestampMs").GetString(), out _));
        Assert.Contains(
            series.GetProperty("exemplars")[0].GetProperty("labels").EnumerateArray(), l => l.GetProperty("key").GetString() == "trace:id");
        var instant =
            await JsonAsync($"/api/metrics/query?q={Uri.EscapeDataString(query + " | count_over_time()")}&start={start}&end={end}");
        Assert.Equal(3, Assert.Single(instant.GetProperty("series").EnumerateArray()).GetProperty("value").GetDouble());
        var streamed = await StreamAsync("MetricsQueryRange",
            new()
            {
                ["query"] = query + " | rate()",
                ["start"] = $"{start}000000000",
                ["end"] = $"{end}000000000",
                ["step"] = "60000000000"
            });
        var rate = Assert.Single(streamed.Messages.SelectMany(m => m.GetProperty("series").EnumerateArray()));
        Assert.Equal("rate", Assert.Single(rate.GetProperty("labels").EnumerateArray()).GetProperty("value").GetProperty("string_value")
            .GetString());
        Assert.True(long.TryParse(rate.GetProperty("samples")[0].GetProperty("timestamp_ms").GetString(), out _));
        var progress = streamed.Messages[^1].GetProperty("metrics");
        Assert.Equal(progress.GetProperty("totalJobs").GetInt32(), progress.GetProperty("completedJobs").GetInt32());
        var once = await StreamAsync("MetricsQueryInstant",
            new() { ["query"] = query + " | count_over_time()", ["start"] = $"{start}000000000", ["end"] = $"{end}000000000" });
        Assert.Equal(3, Assert.Single(once.Messages[^1].GetProperty("series").EnumerateArray()).GetProperty("value").GetDouble());

        // Traces Drilldown: what its pages ask first.
        foreach (var drilldown in new[]
        {
            "{nestedSetParent<0 && true} | rate() by(resource.service.name)", "{nestedSetParent<0} | quantile_over_time(duration, 0.9)",
            "{nestedSetParent<0} | histogram_over_time(duration)", "{nestedSetParent<0} | compare({status = error})",
            "{} | rate() with(sample=true)",
        })
            await JsonAsync($"/api/metrics/query_range?q={Uri.EscapeDataString(drilldown)}&start={start}&end={end}&step=60s");
        var structure = await JsonAsync(
            $"/api/search?q={Uri.EscapeDataString(query + " | select(nestedSetParent, nestedSetLeft, nestedSetRight) with(most_recent=true)")}&start={start}&end={end}");
        var attributes = structure.GetProperty("traces")[0].GetProperty("spanSets")[0].GetProperty("spans")[0].GetProperty("attributes")
            .EnumerateArray().Select(a => a.GetProperty("key").GetString());
        Assert.Contains("nestedSetLeft", attributes);
    }

    public void Dispose() => _otlp.Dispose();

    private Task<GrpcProgram.Call> StreamAsync(string method, JsonObject request) =>
        GrpcProgram.CallAsync("tempo.proto", shared.Tempo.ApiGrpcAddress, "tempopb.StreamingQuerier/" + method, request);

    private async Task<(string?, string?)[]> ValuesAsync(string name, string query, long start, long end)
    {
        var filter = query.Length == 0 ? "" : $"&q={Uri.EscapeDataString(query)}";
        var answer = await JsonAsync($"/api/v2/search/tag/{Uri.EscapeDataString(name)}/values?limit=5000&start={start}&end={end}{filter}");
        return [.. answer.GetProperty("tagValues").EnumerateArray()
            .Select(v => (v.GetProperty("type").GetString(), v.TryGetProperty("value", out var text) ? text.GetString() : ""))];
    }

    // What the trace view reads of each span.
    private static void AssertTrace(ProtobufFields trace, SpanFacts[] sent)
    {
        var seen = new List<string>();
        foreach (var resourceSpans in trace.Messages(1))
        {
            var service = resourceSpans.Message(1).Messages(1).Single(static a => a.Text(1) == "service.name");
            Assert.Equal("grafana-shop", service.Message(2).Text(1));
            foreach (var span in resourceSpans.Messages(2).SelectMany(static scope => scope.Messages(2)))
            {
                var expected = sent.Single(s => s.SpanId == Convert.ToHexStringLower(span.Bytes(2)));
                Assert.Equal(
                    (expected.TraceId, expected.ParentSpanId, expected.Name, (ulong)expected.Kind, expected.StartUnixNano,
                        expected.EndUnixNano),
                    (Convert.ToHexStringLower(span.Bytes(1)), Convert.ToHexStringLower(span.Bytes(4)), span.Text(5), span.Number(6),
                        span.Number(7), span.Number(8)));
                var attribute = Assert.Single(span.Messages(9));
                Assert.Equal(("http.status_code", 200UL), (attribute.Text(1), attribute.Message(2).Number(3)));
                seen.Add(expected.SpanId);
            }
        }

        Assert.Equal(sent.Select(static s => s.SpanId).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
    }

    private static void AssertHit(JsonElement hit, SpanFacts[] spans)
    {
        Assert.Equal(spans[0].TraceId, hit.GetProperty("traceID").GetString());
        Assert.Equal(("grafana-shop", "GET /grafana"),
            (hit.GetProperty("rootServiceName").GetString(), hit.GetProperty("rootTraceName").GetString()));
        Assert.Equal(spans[0].StartUnixNano.ToString(System.Globalization.CultureInfo.InvariantCulture),
            hit.GetProperty("startTimeUnixNano").GetString());
        Assert.Equal(1, hit.GetProperty("durationMs").GetInt32());
        var set = Assert.Single(hit.GetProperty("spanSets").EnumerateArray());
        Assert.Equal(3, set.GetProperty("matched").GetInt32());
        Assert.All(set.GetProperty("spans").EnumerateArray(), span =>
        {
            Assert.Equal(16, span.GetProperty("spanID").GetString()!.Length);
            Assert.Equal("1000000", span.GetProperty("durationNanos").GetString());
            Assert.NotEmpty(span.GetProperty("attributes").EnumerateArray());
        });
    }
}
