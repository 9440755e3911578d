using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The MCP server, as the official client of the protocol sees it.</summary>
public sealed class McpTests(McpTests.McpTempo server) : IClassFixture<McpTests.McpTempo>, IDisposable
{
    private readonly OtlpHttpClient _otlp = new(server.Tempo.OtlpHttpUrl);

    [Fact]
    public async Task Tools_and_resources_are_those_of_tempo_and_all_only_read()
    {
        var said = await RunAsync([]);
        Assert.Equal(("tempo", "0.1.0"), (said.GetProperty("server").GetProperty("name").GetString(),
            said.GetProperty("server").GetProperty("version").GetString()));
        string[] expected = ["docs-config", "docs-traceql", "get-attribute-names", "get-attribute-values", "get-trace", "trace-diff",
            "traceql-metrics-instant", "traceql-metrics-range", "traceql-search"];
        var tools = said.GetProperty("tools").EnumerateArray().ToDictionary(t => t.GetProperty("name").GetString()!);
        Assert.Equal(expected, tools.Keys.Order(StringComparer.Ordinal));
        Assert.All(tools.Values, tool =>
        {
            var hints = tool.GetProperty("annotations");
            Assert.True(hints.GetProperty("readOnlyHint").GetBoolean());
            Assert.False(hints.GetProperty("destructiveHint").GetBoolean());
        });
        Assert.Equal(
            ["docs://config/overview", "docs://config/reference", "docs://traceql/aggregates", "docs://traceql/basic",
                "docs://traceql/metrics", "docs://traceql/query", "docs://traceql/structural"],
            said.GetProperty("resources").EnumerateArray().Select(r => r.GetProperty("uri").GetString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_assistant_finds_a_trace_and_opens_it()
    {
        var span = Spans.NewTrace(name: "asked by an assistant")[0];
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(span))).Status);
        var results = await CallAsync(
            Tool("traceql-search", ("query", "{ name = \"asked by an assistant\" }")),
            Tool("get-trace", ("trace_id", span.TraceId)),
            Tool("get-trace", ("trace_id", "1234567890")),
            Tool("traceql-metrics-instant", ("query", "{ name = \"asked by an assistant\" } | count_over_time()")),
            Tool("traceql-metrics-range", ("query", "{ name = \"asked by an assistant\" } | rate()")),
            Tool("get-attribute-names", ("scope", "resource")),
            Tool("get-attribute-values", ("name", "resource.service.name"), ("filter-query", "{ name = \"asked by an assistant\" }")),
            Tool("trace-diff", ("base_trace_id", span.TraceId), ("compare_trace_id", span.TraceId)));

        Assert.Equal(("search-results", "json", "1"), Meta(results[0]));
        Assert.StartsWith($"{{\"traces\":[{{\"traceID\":\"{span.TraceId}\",", Text(results[0]), StringComparison.Ordinal);
        Assert.Equal(("trace", "json", "2"), Meta(results[1]));
        Assert.StartsWith($"{{\"trace\":{{\"traceId\":\"{span.TraceId}\",\"services\":[", Text(results[1]), StringComparison.Ordinal);
        Assert.Equal("{}", Text(results[2]));
        Assert.Equal(("metrics-instant", "json", "1"), Meta(results[3]));
        Assert.Contains("\"value\":1}", Text(results[3]), StringComparison.Ordinal);
        Assert.Equal(("metrics-range", "json", "1"), Meta(results[4]));
        Assert.StartsWith("{\"series\":[{\"labels\":[{\"key\":\"__name__\"", Text(results[4]), StringComparison.Ordinal);
        Assert.Equal(("attribute-names", "json", "2"), Meta(results[5]));
        Assert.Contains("service.name", Text(results[5]), StringComparison.Ordinal);
        Assert.Equal(("attribute-values", "json", "2"), Meta(results[6]));
        Assert.StartsWith("{\"tagValues\":{\"string\":[\"system-test\"]}", Text(results[6]), StringComparison.Ordinal);

        Assert.Equal(("trace-diff", "json", "1"), Meta(results[7]));
        Assert.StartsWith("{\"version\":\"trace-summary-v0-composed\",", Text(results[7]), StringComparison.Ordinal);

        Assert.True((await server.Tempo.Api.MetricsAsync()).Sum("tempo_query_frontend_mcp_calls_total") >= 8);
    }

    [Fact]
    public async Task Documents_are_read_by_tool_and_by_uri()
    {
        var results = await CallAsync(
            Tool("docs-traceql", ("name", "structural")), Tool("docs-config", ("name", "config-reference")),
            new JsonObject { ["resource"] = "docs://traceql/structural" });
        Assert.Equal(("documentation", "markdown", "1"), Meta(results[0]));
        Assert.StartsWith("# TraceQL", Text(results[0]), StringComparison.Ordinal);
        Assert.Contains("http_listen_port: 3200", Text(results[1]), StringComparison.Ordinal);
        var read = Assert.Single(results[2].GetProperty("contents").EnumerateArray());
        Assert.Equal(("text/markdown", Text(results[0])), (read.GetProperty("mimeType").GetString(), read.GetProperty("text").GetString()));
    }

    [Fact]
    public async Task Mistakes_are_told_in_words_that_help()
    {
        var results = await CallAsync(
            Tool("traceql-search", ("query", "{")), Tool("traceql-search", ("query", "{} | rate()")),
            Tool("traceql-metrics-range", ("query", "{}")),
            Tool("get-trace"), Tool("traceql-search", ("query", "{}"), ("start", "yesterday")), Tool("docs-traceql", ("name", "nope")));
        string[] texts =
        [
            "query parse error. Consult TraceQL docs tools: parse error at line 1, col 2: syntax error: unexpected $end",
            "TraceQL metrics query received on traceql-search tool. Use the traceql-metrics-instant or traceql-metrics-range tool instead",
            "TraceQL search query received on a metrics tool. Use the traceql-search tool instead",
            "required argument \"trace_id\" not found",
            "start is a time such as 2026-11-28T13:00:00Z",
            "there is no such document; there are basic, aggregates, structural, metrics",
        ];
        Assert.Equal(texts, results.Select(Text));
        Assert.All(results, result => Assert.True(result.GetProperty("isError").GetBoolean()));

        var unknown = (await CallAsync(Tool("nope")))[0].GetProperty("error");
        Assert.Equal(-32602, unknown.GetProperty("code").GetInt32());
        Assert.Contains("tool 'nope' not found: tool not found", unknown.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", 400, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud83d\"}", 400,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: text that is not Unicode")]
    [InlineData("[]", 200, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,")]
    [InlineData("5", 200, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"nope\"}", 200,
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32601,")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202, "")]
    [InlineData("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"method\":\"x\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}]", 200, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]\n")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"1999-01-01\"}}", 200,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"resources\":{},\"tools\":{}},\"serverInfo\":{\"name\":\"tempo\",\"version\":\"0.1.0\"}}}\n")]
    public async Task The_wire_is_json_rpc(string body, int status, string beginning)
    {
        using var http = new HttpClient();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(Url, content);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.StartsWith(beginning, text, StringComparison.Ordinal);
        if (beginning.Length == 0) Assert.Equal("", text);
        Assert.Equal(body.Contains("initialize\"", StringComparison.Ordinal), answer.Headers.TryGetValues("Mcp-Session-Id", out _));
    }

    [Fact]
    public async Task A_get_opens_a_silent_stream_and_where_it_is_not_enabled_there_is_nothing()
    {
        using var http = new HttpClient();
        using var stream = await http.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((200, "text/event-stream"), ((int)stream.StatusCode, stream.Content.Headers.ContentType!.MediaType));
        Assert.Equal(200, (await server.Tempo.Api.AskAsync("/api/mcp", "DELETE")).Status);
        Assert.Equal(405, (await server.Tempo.Api.AskAsync("/api/mcp", "PUT")).Status);

        await using var without = await TempoProcess.StartAsync();
        Assert.Equal(404, (await without.Api.AskAsync("/api/mcp", "POST")).Status);
    }

    public void Dispose() => _otlp.Dispose();

    private string Url => $"http://{server.Tempo.ApiAddress}/api/mcp";

    private static JsonObject Tool(string name, params (string Name, string Value)[] arguments)
    {
        var given = new JsonObject();
        foreach (var (argument, value) in arguments) given[argument] = value;
        return new JsonObject { ["tool"] = name, ["arguments"] = given };
    }

    private static (string? Type, string? Encoding, string? Version) Meta(JsonElement result)
    {
        Assert.True(result.TryGetProperty("_meta", out var meta), result.ToString());
        return (meta.GetProperty("type").GetString(), meta.GetProperty("encoding").GetString(), meta.GetProperty("version").GetString());
    }

    private static string Text(JsonElement result) =>
        Assert.Single(result.GetProperty("content").EnumerateArray()).GetProperty("text").GetString()!;

    private async Task<JsonElement[]> CallAsync(params JsonObject[] calls) =>
        [.. (await RunAsync(calls)).GetProperty("results").EnumerateArray()];

    private async Task<JsonElement> RunAsync(JsonObject[] calls)
    {
        var text = new JsonArray([.. calls]).ToJsonString();
        var run = await ProgramRun.ToEndAsync("node", [Path.Combine(Repository.Senders, "mcp.mjs"), Url, text], TimeSpan.FromMinutes(1));
        Assert.True(run.ExitCode == 0, $"mcp.mjs ended with {run.ExitCode}: {run.Errors}");
        return JsonDocument.Parse(run.Output).RootElement;
    }

    /// <summary>A server of its own: the MCP server is off by default.</summary>
    public sealed class McpTempo : IAsyncLifetime
    {
        public TempoProcess Tempo { get; } =
            TempoProcess.Prepare(new TempoSettings { More = "query_frontend: {mcp_server: {enabled: true}}\n" });

        public async ValueTask InitializeAsync() => await Tempo.StartAsync();

        public ValueTask DisposeAsync() => Tempo.DisposeAsync();
    }
}
