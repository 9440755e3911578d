using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Tenants do not see each other, and nobody is served without saying who they are.</summary>
public sealed class TenancyTests(TenancyTests.MultitenantTempo server) : IClassFixture<TenancyTests.MultitenantTempo>, IDisposable
{
    private readonly TempoApi _api = server.Tempo.Api;
    private readonly OtlpHttpClient _http = new(server.Tempo.OtlpHttpUrl);
    private readonly GrpcClient _grpc = new(server.Tempo.OtlpGrpcUrl);

    [Fact]
    public async Task The_same_trace_id_of_two_tenants_stays_two_traces_live_and_in_blocks()
    {
        var a = Spans.NewTrace(name: "of a")[0];
        var b = a with { Name = "of b" };
        Assert.Equal(200, (await _http.PostAsync(ExportRequest.Encode(a), tenant: "a")).Status);
        Assert.Equal(GrpcAnswer.Ok, (await _grpc.CallAsync(GrpcClient.Frame(ExportRequest.Encode(b)), tenant: "b")).Status);

        await AssertKeptApart(a.TraceId);
        await _api.FlushAsync();
        await AssertKeptApart(a.TraceId);
        Assert.NotEmpty(server.Tempo.BlockDataFiles("a"));
    }

    [Fact]
    public async Task Without_a_tenant_queries_and_ingest_are_401_for_good()
    {
        var query = await _api.AskAsync("/api/search?q={}");
        Assert.Equal((401, "no org id\n"), (query.Status, query.Text));
        Assert.Equal(200, (await _api.AskAsync("/api/echo")).Status);

        var request = ExportRequest.Encode(Spans.NewTrace());
        var http = await _http.PostAsync(request);
        Assert.Equal((401, "no org id"), (http.Status, new RpcStatus(new ProtobufFields(http.Body)).Message));
        var grpc = await _grpc.CallAsync(GrpcClient.Frame(request));
        Assert.Equal((GrpcAnswer.Unauthenticated, "no org id"), (grpc.Status, grpc.Message));
    }

    [Theory]
    [InlineData("a/b", "tenant ID 'a/b' contains unsupported character '/'")]
    [InlineData("..", "tenant ID is '.' or '..'")]
    [InlineData(".", "tenant ID is '.' or '..'")]
    [InlineData("..%2f", "tenant ID '..%2f' contains unsupported character '%'")]
    public async Task A_tenant_that_could_be_a_path_is_400_everywhere(string tenant, string text)
    {
        var query = await _api.AskAsync("/api/search?q={}", tenant: tenant);
        Assert.Equal((400, text), (query.Status, query.Text.TrimEnd('\n')));

        var request = ExportRequest.Encode(Spans.NewTrace());
        Assert.Equal(400, (await _http.PostAsync(request, tenant: tenant)).Status);
        var grpc = await _grpc.CallAsync(GrpcClient.Frame(request), tenant: tenant);
        Assert.Equal((GrpcAnswer.InvalidArgument, text), (grpc.Status, grpc.Message));
    }

    [Fact]
    public async Task A_tenant_longer_than_150_characters_is_400()
    {
        Assert.Equal(200, (await _api.AskAsync("/api/search?q={}", tenant: new string('t', 150))).Status);
        var answer = await _api.AskAsync("/api/search?q={}", tenant: new string('t', 151));
        Assert.Equal((400, "tenant ID is too long: max 150 characters"), (answer.Status, answer.Text.TrimEnd('\n')));
    }

    [Fact]
    public async Task A_query_over_several_tenants_sees_the_spans_of_all_live_and_in_blocks()
    {
        // One trace of which each tenant has a span, and one that only the second has.
        var trace = Spans.NewTrace(2, "of both");
        var other = Spans.NewTrace(name: "of both");
        await _http.PostAsync(ExportRequest.Encode(trace[0]), tenant: "u1");
        await _http.PostAsync(ExportRequest.Encode(trace[1], other[0]), tenant: "u2");
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(2, (await _api.FindTraceAsync(trace[0].TraceId, "u1|u2")).Count);
            Assert.Single(await _api.FindTraceAsync(trace[0].TraceId, "u1|u3"));
            Assert.Equal(
                [(trace[0].TraceId, 2), (other[0].TraceId, 1)],
                (await _api.SearchAsync("{ name = \"of both\" }", tenant: "u2|u1|u2")).OrderByDescending(hit => hit.Matched));
            var call = await GrpcProgram.CallAsync(
                "tempo.proto", server.Tempo.ApiAddress, "tempopb.StreamingQuerier/Search", new() { ["Query"] = "{ name = \"of both\" }" },
                new() { ["metadata"] = new JsonObject { ["x-scope-orgid"] = "u1|u2" } });
            Assert.Equal((0, 2), (call.Code, call.Messages.Sum(m => m.GetProperty("traces").GetArrayLength())));
            await _api.FlushAsync();
        }

        var bad = await _api.AskAsync("/api/search?q={}", tenant: "a|b/");
        Assert.Equal((400, "tenant ID 'b/' contains unsupported character '/'"), (bad.Status, bad.Text));
    }

    [Theory]
    [InlineData(null, 2, "no org id")]
    [InlineData("a/b", 3, "tenant ID 'a/b' contains unsupported character '/'")]
    public async Task A_streaming_query_without_a_good_tenant_is_refused(string? tenant, int code, string text)
    {
        JsonObject metadata = tenant is null ? [] : new() { ["x-scope-orgid"] = tenant };
        var call = await GrpcProgram.CallAsync(
            "tempo.proto", server.Tempo.ApiGrpcAddress, "tempopb.StreamingQuerier/Search", new() { ["Query"] = "{}" },
            new() { ["metadata"] = metadata });
        Assert.Equal((code, text), (call.Code, call.Details));
    }

    [Fact]
    public async Task Ingest_takes_one_tenant_only() =>
        Assert.Equal(400, (await _http.PostAsync(ExportRequest.Encode(Spans.NewTrace()), tenant: "a|b")).Status);

    public void Dispose()
    {
        _http.Dispose();
        _grpc.Dispose();
    }

    private async Task AssertKeptApart(string traceId)
    {
        Assert.Equal("of a", Assert.Single(await _api.FindTraceAsync(traceId, "a")).Name);
        Assert.Equal("of b", Assert.Single(await _api.FindTraceAsync(traceId, "b")).Name);
        Assert.Empty(await _api.FindTraceAsync(traceId, "c"));
        Assert.Empty(await _api.SearchAsync("{ name = \"of b\" }", tenant: "a"));
        Assert.Single(await _api.SearchAsync("{ name = \"of b\" }", tenant: "b"));
    }

    // No client can be told; so the operator is, when it starts.
    [Fact]
    public async Task Datagrams_name_no_tenant_and_the_log_says_so()
    {
        Assert.Contains("msg=\"datagrams name no tenant, so all are refused while multitenancy is on\" listener=jaeger_udp_thrift_compact",
            server.Tempo.Log, StringComparison.Ordinal);
        using var client = new System.Net.Sockets.UdpClient();
        await client.SendAsync(new byte[] { 1 }, "127.0.0.1", server.Tempo.Ports.JaegerCompact);
        await Eventually.HoldsAsync("the datagram is refused",
            async () => (await server.Tempo.Api.MetricsAsync()).Sum("tempo_receiver_udp_datagrams_total", "result=\"refused\"") == 1);
    }

    /// <summary>A server of its own: multitenancy is a start-up setting.</summary>
    public sealed class MultitenantTempo : IAsyncLifetime
    {
        public TempoProcess Tempo { get; } = TempoProcess.Prepare(new TempoSettings { Multitenancy = true, StreamOverHttp = true });

        public async ValueTask InitializeAsync() => await Tempo.StartAsync();

        public ValueTask DisposeAsync() => Tempo.DisposeAsync();
    }
}
