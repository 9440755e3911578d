using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Jaeger's and Zipkin's query APIs on the same spans. How a span is written is tested beside the code.</summary>
public sealed class ForeignApiTests(SharedTempo shared) : IDisposable
{
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    // A call of one service by another, whose names no other test has.
    private async Task<(SpanFacts[] Spans, string Caller, string Callee)> SendCallAsync()
    {
        var spans = Spans.NewTrace(2);
        var (caller, callee) = ($"caller-{spans[0].TraceId}", $"callee-{spans[0].TraceId}");
        spans[0] = spans[0] with
        {
            Name = "GET /cart",
            Kind = 3,
            Resource = [new("service.name", "string:" + caller)],
            Attributes = [new("http.status_code", "int:200")]
        };
        spans[1] = spans[1] with { Name = "read cart", Kind = 2, StatusCode = 2, Resource = [new("service.name", "string:" + callee)] };
        var answer = await _otlp.PostAsync(ExportRequest.Encode(spans));
        Assert.True(answer.Status == 200, answer.ToString());
        return (spans, caller, callee);
    }

    private async Task<JsonElement> GetAsync(string path, int status = 200)
    {
        var answer = await _api.AskAsync(path);
        Assert.True(answer.Status == status, $"{path}: {answer}");
        Assert.Equal("application/json", answer.ContentType);
        return JsonDocument.Parse(answer.Body).RootElement;
    }

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(t => t.GetString()!)];

    [Fact]
    public async Task The_jaeger_page_finds_services_operations_and_traces()
    {
        var (spans, caller, callee) = await SendCallAsync();
        var services = Texts((await GetAsync("/jaeger/api/services")).GetProperty("data"));
        Assert.Contains(caller, services);
        Assert.Contains(callee, services);
        Assert.Equal(["GET /cart"], Texts((await GetAsync($"/jaeger/api/services/{caller}/operations")).GetProperty("data")));
        var operation = Assert.Single((await GetAsync($"/jaeger/api/operations?service={callee}")).GetProperty("data").EnumerateArray());
        Assert.Equal(("read cart", "server"), (operation.GetProperty("name").GetString(), operation.GetProperty("spanKind").GetString()));
        Assert.Empty((await GetAsync($"/jaeger/api/operations?service={callee}&spanKind=client")).GetProperty("data").EnumerateArray());

        foreach (var (query, isFound) in new[] { ("", true), ("&operation=GET+%2Fcart", true), ("&operation=other", false),
            ("&tags=%7B%22http.status_code%22%3A%22200%22%7D", true), ("&tag=http.status_code:500", false), ("&minDuration=2ms", false) })
        {
            var found = await GetAsync($"/jaeger/api/traces?service={caller}&limit=20&lookback=1h{query}");
            Assert.Equal(isFound ? 1 : 0, found.GetProperty("total").GetInt32());
            if (isFound) AssertJaegerTrace(Assert.Single(found.GetProperty("data").EnumerateArray()), spans, caller, callee);
        }

        AssertJaegerTrace(Assert.Single((await GetAsync($"/jaeger/api/traces/{spans[0].TraceId}")).GetProperty("data").EnumerateArray()),
            spans, caller, callee);
        Assert.Equal(1, (await GetAsync($"/jaeger/api/traces?traceID={spans[0].TraceId}&traceID=1")).GetProperty("total").GetInt32());
        var calls = (await GetAsync("/jaeger/api/dependencies?lookback=3600000")).GetProperty("data").EnumerateArray();
        Assert.Contains(calls, c => c.GetProperty("parent").GetString() == caller && c.GetProperty("child").GetString() == callee
            && c.GetProperty("callCount").GetInt32() == 1);
    }

    [Theory]
    [InlineData("/jaeger/api/traces", 400, "parameter 'service' is required")]
    [InlineData("/jaeger/api/operations", 400, "parameter 'service' is required")]
    [InlineData("/jaeger/api/traces/xyz", 400, "cannot parse the trace id: at most 32 hex digits are expected")]
    [InlineData("/jaeger/api/traces/1234567890", 404, "trace not found")]
    [InlineData("/jaeger/api/dependencies?endTs=x", 400, "unable to parse param 'endTs': strconv.ParseInt: parsing \"x\": invalid syntax")]
    public async Task A_jaeger_error_is_in_the_envelope(string path, int status, string text)
    {
        var error = Assert.Single((await GetAsync(path, status)).GetProperty("errors").EnumerateArray());
        Assert.Equal((status, text), (error.GetProperty("code").GetInt32(), error.GetProperty("msg").GetString()));
    }

    [Fact]
    public async Task Zipkin_lens_finds_services_spans_and_traces()
    {
        var (spans, caller, callee) = await SendCallAsync();
        var services = Texts(await GetAsync("/zipkin/api/v2/services"));
        Assert.Contains(caller, services);
        Assert.Equal(["read cart"], Texts(await GetAsync($"/zipkin/api/v2/spans?serviceName={callee}")));
        Assert.Empty((await GetAsync($"/zipkin/api/v2/remoteServices?serviceName={callee}")).EnumerateArray());
        Assert.Contains("http.status_code", Texts(await GetAsync("/zipkin/api/v2/autocompleteKeys")));
        Assert.Contains("200", Texts(await GetAsync("/zipkin/api/v2/autocompleteValues?key=http.status_code")));

        foreach (var (query, isFound) in new[] { ("", true), ("&spanName=read+cart", true), ("&annotationQuery=error", true),
            ("&annotationQuery=nope", false), ("&minDuration=2000", false) })
        {
            var found = await GetAsync($"/zipkin/api/v2/traces?serviceName={callee}&lookback=3600000{query}");
            Assert.Equal(isFound ? 1 : 0, found.GetArrayLength());
            if (isFound) AssertZipkinTrace(found[0], spans, caller, callee);
        }

        AssertZipkinTrace(await GetAsync($"/zipkin/api/v2/trace/{spans[0].TraceId}"), spans, caller, callee);
        AssertZipkinTrace(Assert.Single((await GetAsync($"/zipkin/api/v2/traceMany?traceIds={spans[0].TraceId},1")).EnumerateArray()),
            spans, caller, callee);
        var calls = (await GetAsync("/zipkin/api/v2/dependencies?lookback=3600000")).EnumerateArray();
        Assert.Contains(calls, c => c.GetProperty("parent").GetString() == caller && c.GetProperty("child").GetString() == callee
            && c.GetProperty("errorCount").GetInt32() == 1);
    }

    [Theory]
    [InlineData("/zipkin/api/v2/spans", 400, "Required parameter 'serviceName' is not present.")]
    [InlineData("/zipkin/api/v2/autocompleteValues", 400, "Required parameter 'key' is not present.")]
    [InlineData("/zipkin/api/v2/trace/1234567890", 404, "0000001234567890 not found")]
    [InlineData("/zipkin/api/v2/trace/xyz", 400, "a trace id of at most 32 hex digits is expected")]
    [InlineData("/zipkin/api/v2/traceMany?traceIds=1", 400, "traceIds is two or more ids separated by commas")]
    [InlineData("/zipkin/api/v2/traces?limit=0", 400, "limit is 1 to 262144")]
    public async Task A_zipkin_error_is_text(string path, int status, string text)
    {
        var answer = await _api.AskAsync(path);
        Assert.Equal((status, text), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task The_jaeger_service_on_grpc_streams_opentelemetry()
    {
        var (spans, caller, callee) = await SendCallAsync();
        Task<GrpcProgram.Call> CallAsync(string method, JsonObject request) =>
            GrpcProgram.CallAsync("jaeger.proto", shared.Tempo.ApiGrpcAddress, "jaeger.api_v3.QueryService/" + method, request);

        Assert.Contains(callee, Texts(Assert.Single((await CallAsync("GetServices", [])).Messages).GetProperty("services")));
        var operation = Assert.Single(
            Assert.Single((await CallAsync("GetOperations", new() { ["service"] = callee })).Messages).GetProperty("operations")
                .EnumerateArray());
        Assert.Equal(("read cart", "server"), (operation.GetProperty("name").GetString(), operation.GetProperty("span_kind").GetString()));

        var query = new JsonObject
        {
            ["service_name"] = callee,
            ["attributes"] = new JsonObject { ["error"] = "true" },
            ["duration_min"] = new JsonObject { ["nanos"] = 1000 }
        };
        foreach (var call in new[] { await CallAsync("GetTrace", new() { ["trace_id"] = spans[0].TraceId }),
            await CallAsync("FindTraces", new() { ["query"] = query }) })
        {
            Assert.Equal(0, call.Code);
            var ids = call.Messages.SelectMany(m => m.GetProperty("resource_spans").EnumerateArray())
                .SelectMany(r => r.GetProperty("scope_spans").EnumerateArray())
                .SelectMany(s => s.GetProperty("spans").EnumerateArray())
                .Select(s => Convert.ToHexStringLower(s.GetProperty("span_id").GetBytesFromBase64()));
            Assert.Equal(spans.Select(s => s.SpanId), ids.Order(StringComparer.Ordinal));
        }

        Assert.Equal((5, "trace not found"), await StatusAsync(CallAsync("GetTrace", new() { ["trace_id"] = "1234567890" })));
        Assert.Equal((3, "malformed trace ID: at most 32 hex digits are expected"),
            await StatusAsync(CallAsync("GetTrace", new() { ["trace_id"] = "xyz" })));
        Assert.Equal((3, "service name is required"),
            await StatusAsync(CallAsync("FindTraces", new() { ["query"] = new JsonObject { ["operation_name"] = "x" } })));
        Assert.Equal((3, "service is required"), await StatusAsync(CallAsync("GetOperations", [])));
    }

    public void Dispose() => _otlp.Dispose();

    private static async Task<(int Code, string Details)> StatusAsync(Task<GrpcProgram.Call> call)
    {
        var ended = await call;
        return (ended.Code, ended.Details);
    }

    private static void AssertJaegerTrace(JsonElement trace, SpanFacts[] spans, string caller, string callee)
    {
        Assert.Equal(spans[0].TraceId, trace.GetProperty("traceID").GetString());
        var written = trace.GetProperty("spans").EnumerateArray().ToDictionary(s => s.GetProperty("spanID").GetString()!);
        Assert.Equal(spans.Select(s => s.SpanId), written.Keys.Order(StringComparer.Ordinal));
        var reference = Assert.Single(written[spans[1].SpanId].GetProperty("references").EnumerateArray());
        Assert.Equal(
            ("CHILD_OF", spans[0].SpanId), (reference.GetProperty("refType").GetString(), reference.GetProperty("spanID").GetString()));
        string? ServiceOf(string span) =>
            trace.GetProperty("processes").GetProperty(written[span].GetProperty("processID").GetString()!).GetProperty("serviceName")
                .GetString();
        Assert.Equal((caller, callee), (ServiceOf(spans[0].SpanId), ServiceOf(spans[1].SpanId)));
    }

    private static void AssertZipkinTrace(JsonElement trace, SpanFacts[] spans, string caller, string callee)
    {
        var written = trace.EnumerateArray().ToDictionary(s => s.GetProperty("id").GetString()!);
        Assert.Equal(spans.Select(s => s.SpanId), written.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(spans[0].SpanId, written[spans[1].SpanId].GetProperty("parentId").GetString());
        string? ServiceOf(string span) => written[span].GetProperty("localEndpoint").GetProperty("serviceName").GetString();
        Assert.Equal((caller, callee), (ServiceOf(spans[0].SpanId), ServiceOf(spans[1].SpanId)));
    }
}
