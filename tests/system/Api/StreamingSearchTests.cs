using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary><c>tempopb.StreamingQuerier/Search</c> as @grpc/grpc-js sees it, the way Grafana searches.</summary>
public sealed class StreamingSearchTests(SharedTempo shared) : IDisposable
{
    private const string Search = "tempopb.StreamingQuerier/Search";
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    private Task<GrpcProgram.Call> CallAsync(JsonObject request, JsonObject? options = null) =>
        GrpcProgram.CallAsync("tempo.proto", shared.Tempo.ApiGrpcAddress, Search, request, options);

    [Fact]
    public async Task The_stream_holds_what_the_http_search_answers()
    {
        var spans = Spans.NewTrace(4, name: "streamed hit");
        await SendAsync(ExportRequest.Encode(spans));
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var call = await CallAsync(
            new() { ["Query"] = "{ name = \"streamed hit\" }", ["start"] = now - 600, ["end"] = now + 10, ["SpansPerSpanSet"] = 1 });

        Assert.Equal((0, ""), (call.Code, call.Details));
        var trace = Assert.Single(call.Messages.SelectMany(m => m.GetProperty("traces").EnumerateArray()));
        Assert.Equal(
            (spans[0].TraceId, "system-test", "streamed hit", 1),
            (trace.GetProperty("traceID").GetString(), trace.GetProperty("rootServiceName").GetString(),
                trace.GetProperty("rootTraceName").GetString(), trace.GetProperty("durationMs").GetInt32()));
        var set = Assert.Single(trace.GetProperty("spanSets").EnumerateArray());
        Assert.Equal(4, set.GetProperty("matched").GetInt32());
        var span = Assert.Single(set.GetProperty("spans").EnumerateArray());
        Assert.Equal((spans[0].SpanId, "1000000"), (span.GetProperty("spanID").GetString(), span.GetProperty("durationNanos").GetString()));

        // Grafana reads its progress bar from these.
        var metrics = call.Messages[^1].GetProperty("metrics");
        Assert.True(metrics.GetProperty("totalJobs").GetInt32() > 0);
        Assert.Equal(metrics.GetProperty("totalJobs").GetInt32(), metrics.GetProperty("completedJobs").GetInt32());
    }

    [Fact]
    public async Task Nothing_found_is_one_message_with_metrics_only()
    {
        var call = await CallAsync(new() { ["Query"] = "{ name = \"never sent\" }" });
        Assert.Equal(0, call.Code);
        var message = Assert.Single(call.Messages);
        Assert.False(message.TryGetProperty("traces", out var traces) && traces.GetArrayLength() > 0);
        Assert.True(message.TryGetProperty("metrics", out _));
    }

    [Fact]
    public async Task A_large_answer_comes_in_several_messages_and_each_trace_once()
    {
        // 1,500 traces of 1 KB in the answer: more than one packet of 1 MiB.
        const int count = 1500;
        var name = "large answer " + new string('x', 900);
        var ids = new List<string>();
        foreach (var batch in Enumerable.Range(0, count).Select(_ => Spans.NewTrace(name: name)[0]).Chunk(500))
        {
            ids.AddRange(batch.Select(span => span.TraceId));
            await SendAsync(ExportRequest.Encode(batch));
        }

        var call = await CallAsync(new() { ["Query"] = "{ name =~ \"large answer .*\" }", ["Limit"] = 10_000 });
        Assert.Equal(0, call.Code);
        Assert.True(call.Messages.Count > 1, $"{call.Messages.Count} messages");
        var found =
            call.Messages.SelectMany(m => m.GetProperty("traces").EnumerateArray()).Select(t => t.GetProperty("traceID").GetString()!);
        Assert.Equal(ids.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"Query":"{ .a = 1 "}""", "invalid TraceQL query: parse error at line 1, col 10: syntax error: unexpected $end")]
    [InlineData("""{"Query":"{}","start":1795221000}""", "http parameter start must be before end. received start=1795221000 end=0")]
    [InlineData("""{"Query":"{}","end":1795221000}""",
        "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("""{"Query":"{}","start":10,"end":5}""", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("""{"Query":"{}","start":1000000000,"end":1000604801}""",
        "range specified by start and end exceeds 168h0m0s. received start=1000000000 end=1000604801")]
    [InlineData("""{"Query":"{}","Limit":262145}""", "limit 262145 exceeds max limit 262144")]
    [InlineData("""{"Query":"{}","SpansPerSpanSet":101}""", "spans per span set exceeds 100. received 101")]
    [InlineData("""{"Query":"{}","Tags":{"a":"b"}}""", "invalid request: can't specify tags and q in the same query")]
    [InlineData("""{"MinDurationMs":5,"MaxDurationMs":4}""", "invalid maxDuration: must be greater than minDuration")]
    public async Task A_bad_request_is_InvalidArgument_with_the_text_of_http(string request, string text)
    {
        var call = await CallAsync((JsonObject)JsonNode.Parse(request)!);
        Assert.Equal((3, text), (call.Code, call.Details));
        Assert.Empty(call.Messages);
    }

    [Fact]
    public async Task Tags_are_searched_as_over_http()
    {
        var span = Spans.NewTrace(name: "tagged")[0] with { Attributes = [new("team", "string:blue team"), new("zone", "string:a")] };
        await SendAsync(ExportRequest.Encode(span));
        var call = await CallAsync(new() { ["Tags"] = new JsonObject { ["team"] = "lue t", ["zone"] = "a" } });
        var trace = Assert.Single(call.Messages.SelectMany(m => m.GetProperty("traces").EnumerateArray()));
        Assert.Equal(span.TraceId, trace.GetProperty("traceID").GetString());
        Assert.Equal(0, trace.GetProperty("spanSets").GetArrayLength());
        Assert.Equal(0, (await CallAsync(new() { ["Tags"] = new JsonObject { ["team"] = "LUE" } })).Messages.Sum(
            m => m.GetProperty("traces").GetArrayLength()));
    }

    [Fact]
    public async Task A_deadline_that_has_passed_ends_the_call()
    {
        var call = await CallAsync(new() { ["Query"] = "{}" }, new() { ["deadlineMs"] = -1000 });
        Assert.Equal(4, call.Code);
    }

    [Fact]
    public async Task The_http_port_says_that_grpc_is_elsewhere()
    {
        var call = await GrpcProgram.CallAsync("tempo.proto", shared.Tempo.ApiAddress, Search, new() { ["Query"] = "{}" });
        Assert.Equal(14, call.Code);
        Assert.Contains("stream_over_http_enabled", call.Details, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("tempopb.StreamingQuerier")]
    [InlineData("whatever")]
    public async Task Health_is_serving_whatever_the_service(string service)
    {
        var check = await GrpcProgram.CallAsync(
            "health.proto", shared.Tempo.ApiGrpcAddress, "grpc.health.v1.Health/Check", new() { ["service"] = service });
        Assert.Equal((0, "SERVING"), (check.Code, Assert.Single(check.Messages).GetProperty("status").GetString()));
        var watch = await GrpcProgram.CallAsync(
            "health.proto", shared.Tempo.ApiGrpcAddress, "grpc.health.v1.Health/Watch", new() { ["service"] = service },
            new() { ["cancelAfter"] = 1 });
        Assert.Equal((1, "SERVING"), (watch.Code, Assert.Single(watch.Messages).GetProperty("status").GetString()));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v1alpha")]
    public async Task A_client_that_knows_nothing_learns_the_service_from_reflection(string version)
    {
        var span = Spans.NewTrace(name: $"reflected {version}")[0];
        await SendAsync(ExportRequest.Encode(span));
        var request = new JsonObject { ["Query"] = $"{{ name = \"{span.Name}\" }}" };
        var (services, call) = await GrpcProgram.ReflectAsync(shared.Tempo.ApiGrpcAddress, version, Search, request);
        Assert.Equal(
            ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
                "jaeger.api_v3.QueryService", "tempopb.StreamingQuerier"],
            services);
        Assert.Equal(0, call.Code);
        var trace = Assert.Single(call.Messages.SelectMany(m => m.GetProperty("traces").EnumerateArray()));
        Assert.Equal(span.TraceId, trace.GetProperty("traceID").GetString());
    }

    public void Dispose() => _otlp.Dispose();

    private async Task SendAsync(byte[] request)
    {
        var answer = await _otlp.PostAsync(request);
        Assert.True(answer.Status == 200, answer.ToString());
    }
}
