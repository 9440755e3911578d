using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Conformance;

/// <summary>A server with a small rate, and one byte a second to fill it: what does not fit now does not fit in this test.</summary>
public sealed class LimitedTempo : IAsyncLifetime
{
    public const int BurstBytes = 4000;

    public TempoProcess Tempo { get; } = TempoProcess.Prepare(new TempoSettings
    {
        Multitenancy = true,
        Overrides = $"{{defaults: {{ingestion: {{rate_limit_bytes: 1, burst_size_bytes: {BurstBytes}}}}}}}",
    });

    public async ValueTask InitializeAsync() => await Tempo.StartAsync();

    public ValueTask DisposeAsync() => Tempo.DisposeAsync();
}

/// <summary>Lines 10 to 24 of the protocol list: what a refusal must look like, so that a sender does the right thing.</summary>
public sealed class OtlpRefusalTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    public static TheoryData<string> All => OtlpWire.All;

    public static TheoryData<string> Http => OtlpWire.Http;

    [Fact]
    public async Task Line10_unary_calls_run_at_once_on_one_connection()
    {
        using var wire = new OtlpWire("grpc", _tempo);
        var traces = Enumerable.Range(0, 50).Select(static _ => Spans.NewTrace(2)).ToArray();
        Assert.All(await Task.WhenAll(traces.Select(trace => wire.SendAsync(trace))), static reply => Assert.Equal(0, reply.Code));
        foreach (var trace in traces) Assert.Equal(2, (await _tempo.Api.FindTraceAsync(trace[0].TraceId)).Count);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line11_and_20_oversize_is_not_to_be_tried_again(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var reply = await wire.SendAsync(new byte[(64 << 20) + 1], isGzip: true);
        Assert.Equal((GrpcAnswer.ResourceExhausted, null), (reply.Code, reply.RetryAfter));
        if (!wire.IsGrpc) Assert.Equal(413, reply.HttpStatus);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line13_and_21_bad_data_is_an_invalid_argument(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var reply = await wire.SendAsync(wire.IsJson ? "{bad"u8.ToArray() : [0xff]);
        Assert.Equal((GrpcAnswer.InvalidArgument, null), (reply.Code, reply.RetryAfter));
        Assert.NotEmpty(reply.Message);
        if (!wire.IsGrpc) Assert.Equal(400, reply.HttpStatus);
    }

    [Fact]
    public async Task Line16_an_unknown_grpc_encoding_is_unimplemented_and_the_known_ones_are_named()
    {
        using var grpc = new GrpcClient(_tempo.OtlpGrpcUrl);
        var answer = await grpc.CallAsync(GrpcClient.Frame([1, 2, 3], flag: 1), encoding: "brotli");
        Assert.Equal(GrpcAnswer.Unimplemented, answer.Status);
        Assert.Contains("gzip", answer.AcceptEncoding, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Http))]
    public async Task Line17_another_method_is_405(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete })
            Assert.Equal((405, true), await wire.RawAsync(method, [], wire.ContentType) is var a
                ? (a.Status, a.Text.Contains("405 method not allowed, supported: [POST]", StringComparison.Ordinal))
                : default);
    }

    [Theory, MemberData(nameof(Http))]
    public async Task Line18_the_answer_is_in_the_encoding_of_the_request(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        Assert.Equal(wire.ContentType, (await wire.SendAsync(Spans.NewTrace())).ContentType);
        Assert.Equal(wire.ContentType, (await wire.SendAsync(wire.IsJson ? "{bad"u8.ToArray() : [0xff])).ContentType);
        Assert.Equal((415, "415 unsupported media type, supported: [application/json, application/x-protobuf]"),
            await wire.RawAsync(HttpMethod.Post, [1], "text/csv") is var a ? (a.Status, a.Text) : default);
    }

    /// <summary>Every error of the other lines is read as such a status by <see cref="OtlpWire"/>.</summary>
    [Theory, MemberData(nameof(Http))]
    public async Task Line19_the_body_of_an_error_is_a_status(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        foreach (var reply in new[] { await wire.SendAsync([1, 2, 3], encoding: "gzip"), await wire.SendAsync([1], encoding: "nope"),
            await wire.SendAsync(Spans.NewTrace()[0] with { TraceId = "" }) })
            Assert.Equal((400, GrpcAnswer.InvalidArgument), (reply.HttpStatus, reply.Code));
    }

    [Theory]
    [InlineData("json-1.1")]
    [InlineData("json-2")]
    public async Task Line22_json_is_that_of_the_specification(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var span = Spans.NewTrace()[0];
        string Json(string traceId, string kind, string more = "") =>
            $$"""{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"{{traceId}}","spanId":"A000000000000001","name":"n","kind":{{kind}}{{more}},"startTimeUnixNano":1795221253000000000,"endTimeUnixNano":"1795221253000000001"}]}]}]}""";
        async Task<int> StatusAsync(string json) => (await wire.SendAsync(Encoding.UTF8.GetBytes(json))).HttpStatus;
        Assert.Equal(200, await StatusAsync(Json(span.TraceId.ToUpperInvariant(), "2", ",\"trace_state\":5,\"future\":{}")));
        Assert.Equal(
            1UL, Assert.Single(await _tempo.Api.FindTraceAsync(span.TraceId)) is var found ? found.EndUnixNano - found.StartUnixNano : 0);
        Assert.Equal(400, await StatusAsync(Json(Convert.ToBase64String(Convert.FromHexString(span.TraceId)), "2")));
        Assert.Equal(400, await StatusAsync(Json(span.TraceId, "\"SPAN_KIND_SERVER\"")));
    }

    [Theory, MemberData(nameof(Http))]
    public async Task Line23_an_answer_to_one_who_takes_gzip_can_be_read(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        using var http = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.GZip });
        using var request = new HttpRequestMessage(
            HttpMethod.Post, _tempo.OtlpHttpUrl)
        { Version = wire.Version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Content =
            new ByteArrayContent(wire.Encode([Spans.NewTrace()[0] with { SpanId = new string('0', 16) }, Spans.NewTrace()[0]]));
        request.Content.Headers.TryAddWithoutValidation("Content-Type", wire.ContentType);
        using var response = await http.SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        if (wire.IsJson)
            Assert.Equal("1", JsonDocument.Parse(body).RootElement.GetProperty("partialSuccess").GetProperty("rejectedSpans").GetString());
        else Assert.Equal(1, ExportAnswer.Parse(body).RejectedSpans);
    }
}

/// <summary>Lines 12, 14, 15 and 24: the tenant's rate.</summary>
public sealed class OtlpRateTests(LimitedTempo limited) : IClassFixture<LimitedTempo>
{
    private static int _tenants;
    private readonly TempoProcess _tempo = limited.Tempo;

    [Theory]
    [InlineData("grpc", false)]
    [InlineData("protobuf", false)]
    [InlineData("json", false)]
    [InlineData("protobuf", true)]
    [InlineData("json", true)]
    public async Task Line12_14_15_and_24_over_the_rate_is_to_be_tried_again_and_over_the_burst_is_not(string protocol, bool isHttp2)
    {
        var tenant = $"rate-{Interlocked.Increment(ref _tenants)}";
        var small = Spans.NewTrace(5);
        Assert.Equal((0, ""), Without(await SendAsync(protocol, isHttp2, tenant, small)));

        var large = await SendAsync(protocol, isHttp2, tenant, Spans.NewTrace(100));
        Assert.Equal(GrpcAnswer.ResourceExhausted, large.Code);
        Assert.False(large.IsRetryable);
        Assert.StartsWith("RATE_LIMITED: batch size (", large.Message, StringComparison.Ordinal);

        var fill = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SendAsync(protocol, isHttp2, tenant, Spans.NewTrace(5))));
        var refused = fill.Where(static r => r.Code != 0).ToArray();
        Assert.NotEmpty(refused);
        Assert.All(refused, static reply =>
        {
            Assert.Equal(GrpcAnswer.ResourceExhausted, reply.Code);
            Assert.True(reply.IsRetryable);
            Assert.StartsWith("RATE_LIMITED: ingestion rate limit (local: 1 bytes/s, global: 0 bytes/s, burst: 4000 bytes) exceeded while adding ", reply.Message, StringComparison.Ordinal);
        });
        var metrics = await _tempo.Api.MetricsAsync();
        Assert.Equal(100 + 5 * refused.Length, metrics.Sum("tempo_discarded_spans_total", $"reason=\"rate_limited\",tenant=\"{tenant}\""));
    }

    private static (int, string) Without(Reply reply) => (reply.Code, reply.Message);

    private sealed record Reply(int Code, bool IsRetryable, string Message);

    private async Task<Reply> SendAsync(string protocol, bool isHttp2, string tenant, SpanFacts[] spans)
    {
        if (protocol == "grpc")
        {
            using var grpc = new GrpcClient(_tempo.OtlpGrpcUrl);
            var answer = await grpc.CallAsync(GrpcClient.Frame(ExportRequest.Encode(spans)), tenant: tenant);
            return new Reply(answer.Status, answer.Details?.Details.Contains(RpcStatus.RetryInfo) == true, answer.Message);
        }

        using var http = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        var isJson = protocol == "json";
        var body = isJson ? Encoding.UTF8.GetBytes(ExportJson.Encode(spans)) : ExportRequest.Encode(spans);
        var reply = await http.SendAsync(HttpMethod.Post, body, isJson ? OtlpHttpClient.Json : OtlpHttpClient.Protobuf,
            version: isHttp2 ? System.Net.HttpVersion.Version20 : null, tenant: tenant);
        if (reply.Status == 200) return new Reply(0, false, "");
        Assert.Equal(429, reply.Status);
        var status = isJson
            ? JsonDocument.Parse(reply.Body).RootElement is var json
                ? (json.GetProperty("code").GetInt32(), json.GetProperty("message").GetString()!, json.TryGetProperty("details", out _))
                : default
            : new RpcStatus(new ProtobufFields(reply.Body)) is var rpc ? (rpc.Code, rpc.Message, rpc.Details.Contains(RpcStatus.RetryInfo))
            : default;
        Assert.Equal(status.Item3, reply.Headers.ContainsKey("Retry-After"));
        if (status.Item3) Assert.Equal("5", reply.Headers["Retry-After"]);
        return new Reply(status.Item1, status.Item3, status.Item2);
    }
}
