using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>What the OTLP specification requires over HTTP, for protobuf and for JSON.
/// https://opentelemetry.io/docs/specs/otlp/#otlphttp</summary>
public sealed class OtlpHttpTests(SharedTempo shared) : IDisposable
{
    private const int BodyLimit = 64 << 20;

    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _client = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Protobuf_is_answered_in_protobuf_over_both_versions_of_HTTP(string version)
    {
        var spans = Spans.NewTrace(2);
        var answer = await _client.SendAsync(HttpMethod.Post, ExportRequest.Encode(spans), version: Version.Parse(version));

        Assert.Equal((200, OtlpHttpClient.Protobuf), (answer.Status, answer.ContentType));
        Assert.False(ExportAnswer.Parse(answer.Body).HasPartialSuccess);
        SpanFacts.AssertSame(spans, await _api.FindTraceAsync(spans[0].TraceId));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/json; charset=utf-8")]
    public async Task Json_is_answered_in_json(string contentType)
    {
        var answer = await _client.PostAsync("{\"resourceSpans\":[]}"u8.ToArray(), contentType);
        Assert.Equal((200, OtlpHttpClient.Json, "{}"), (answer.Status, answer.ContentType, answer.Text));
    }

    [Fact]
    public async Task An_empty_request_is_a_success()
    {
        Assert.Equal(200, (await _client.PostAsync([])).Status);
        Assert.Equal(200, (await _client.PostAsync("{}")).Status);
    }

    public static TheoryData<string, byte[]> Encodings()
    {
        byte[] Compress(Func<Stream, Stream> compressor, byte[] plain)
        {
            var compressed = new MemoryStream();
            using (var stream = compressor(compressed)) stream.Write(plain);
            return compressed.ToArray();
        }

        var request = ExportRequest.Encode(EncodingSpans);
        return new()
        {
            { "gzip", GrpcClient.Gzip(request) },
            { "deflate", Compress(to => new ZLibStream(to, CompressionLevel.Fastest), request) },
            { "zlib", Compress(to => new ZLibStream(to, CompressionLevel.Fastest), request) },
            { "zstd", ZstdRaw(request) },
            { "snappy", SnappyLiteral(request) },
        };
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task The_encodings_of_the_collector_are_accepted(string encoding, byte[] body)
    {
        var answer = await _client.PostAsync(body, encoding: encoding);
        Assert.True(answer.Status == 200, $"{encoding}: {answer}");
        Assert.Single(await _api.FindTraceAsync(EncodingSpans[0].TraceId));
    }

    [Theory]
    [InlineData("{bad")]
    [InlineData("[]")]
    [InlineData("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"zz\",\"spanId\":\"a1a1a1a1a1a1a1a1\"}]}]}]}")]
    [InlineData("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"L4Cv5WZ2Ga5ApyZ6Ob5MHA==\",\"spanId\":\"a1a1a1a1a1a1a1a1\"}]}]}]}")]
    [InlineData("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\",\"spanId\":\"\"}]}]}]}")]
    [InlineData("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"a1a1a1a1a1a1a1a1\"}]}]}]}")]
    public async Task Bad_json_is_400_with_a_status_in_json(string json)
    {
        var answer = await _client.PostAsync(json);
        Assert.Equal((400, OtlpHttpClient.Json), (answer.Status, answer.ContentType));
        using var status = JsonDocument.Parse(answer.Body);
        Assert.Equal(3, status.RootElement.GetProperty("code").GetInt32());
        Assert.NotEmpty(status.RootElement.GetProperty("message").GetString()!);
    }

    [Fact]
    public async Task Json_nested_without_end_is_400()
    {
        var json = "{\"resourceSpans\":" + new string('[', 100_000);
        Assert.Equal(400, (await _client.PostAsync(json)).Status);
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("0a05")]
    public async Task Bad_protobuf_is_400_with_a_status_in_protobuf(string hex)
    {
        var answer = await _client.PostAsync(Convert.FromHexString(hex));
        Assert.Equal((400, OtlpHttpClient.Protobuf), (answer.Status, answer.ContentType));
        var status = new RpcStatus(new ProtobufFields(answer.Body));
        Assert.Equal(GrpcAnswer.InvalidArgument, status.Code);
        Assert.NotEmpty(status.Message);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task Another_method_is_405(string method) =>
        Assert.Equal(405, (await _client.SendAsync(new HttpMethod(method), [])).Status);

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    public async Task Another_content_type_is_415(string? contentType) =>
        Assert.Equal(415, (await _client.PostAsync(ExportRequest.Encode(Spans.NewTrace()), contentType)).Status);

    [Theory]
    [InlineData("/v1/trace")]
    [InlineData("/v1/metrics")]
    [InlineData("/")]
    public async Task Another_path_is_404(string path)
    {
        var answer = await _client.SendAsync(HttpMethod.Post, [], atUrl: $"http://127.0.0.1:{shared.Tempo.Ports.OtlpHttp}{path}");
        Assert.Equal((404, "404 page not found\n"), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task An_unknown_encoding_names_itself()
    {
        var answer = await _client.PostAsync(ExportRequest.Encode(Spans.NewTrace()), encoding: "foo");
        Assert.Equal(400, answer.Status);
        Assert.Contains("foo", new RpcStatus(new ProtobufFields(answer.Body)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gzip_that_is_no_gzip_or_is_cut_is_400()
    {
        Assert.Equal(400, (await _client.PostAsync(ExportRequest.Encode(Spans.NewTrace()), encoding: "gzip")).Status);
        var cut = GrpcClient.Gzip(ExportRequest.Encode(Spans.NewTrace(100)))[..^20];
        Assert.Equal(400, (await _client.PostAsync(cut, encoding: "gzip")).Status);
    }

    [Theory]
    [InlineData(OtlpHttpClient.Protobuf)]
    [InlineData(OtlpHttpClient.Json)]
    public async Task A_gzip_bomb_is_413_and_the_next_request_works(string contentType)
    {
        var spaces = new byte[BodyLimit + (16 << 20)];
        spaces.AsSpan().Fill((byte)' ');
        Assert.Equal(413, (await _client.PostAsync(GrpcClient.Gzip(spaces), contentType, "gzip")).Status);
        Assert.Equal(200, (await _client.PostAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_413_and_the_next_request_works()
    {
        Assert.Equal(413, (await _client.SendAsync(HttpMethod.Post, new byte[BodyLimit + 1], askFirst: true)).Status);
        Assert.Equal(200, (await _client.PostAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
    }

    [Fact]
    public async Task A_bad_span_is_rejected_alone_and_counted_in_both_encodings()
    {
        var good = Spans.NewTrace()[0];
        var protobuf = await _client.PostAsync(ExportRequest.Encode(good, good with { SpanId = "0000000000000000" }));
        Assert.Equal((200, 1), (protobuf.Status, ExportAnswer.Parse(protobuf.Body).RejectedSpans));

        var traceId = Spans.NewTraceId();
        var json = await _client.PostAsync($$"""
            {"resourceSpans":[{"scopeSpans":[{"spans":[
              {"traceId":"{{traceId}}","spanId":"a1a1a1a1a1a1a1a1","name":"good","startTimeUnixNano":"1","endTimeUnixNano":"2"},
              {"traceId":"{{traceId}}","spanId":"0000000000000000","name":"bad","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}
            """);
        Assert.Equal(200, json.Status);
        using var answer = JsonDocument.Parse(json.Body);
        Assert.Equal("1", answer.RootElement.GetProperty("partialSuccess").GetProperty("rejectedSpans").ToString());
        Assert.NotEmpty(answer.RootElement.GetProperty("partialSuccess").GetProperty("errorMessage").GetString()!);
        Assert.Equal("good", Assert.Single(await _api.FindTraceAsync(traceId)).Name);
    }

    [Fact]
    public async Task Json_takes_hex_ids_of_either_case_integers_as_text_or_number_and_unknown_fields()
    {
        var traceId = Spans.NewTraceId();
        var answer = await _client.PostAsync($$$"""
            {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"json"}}],"unknown":{"deep":[1,{"x":null}]}},
              "scopeSpans":[{"scope":{"name":"lib","version":"2"},"spans":[{
                "traceId":"{{{traceId.ToUpperInvariant()}}}","spanId":"ABCDEF0123456789","parentSpanId":"00000000000000aB","name":"json \u00e9 \ud83e\udd8a",
                "kind":3,"startTimeUnixNano":1700000000000000001,"endTimeUnixNano":"1700000000000000009","someday":[[]],
                "attributes":[{"key":"i","value":{"intValue":"-9223372036854775808"}},{"key":"j","value":{"intValue":7}},{"key":"d","value":{"doubleValue":0.5}},
                  {"key":"b","value":{"boolValue":false}},{"key":"y","value":{"bytesValue":"AAEC"}},{"key":"e","value":{}},
                  {"key":"l","value":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"stringValue":"v"}]} } }]} } }],
                "links":[{"traceId":"{{{traceId.ToUpperInvariant()}}}","spanId":"0123456789ABCDEF"}],
                "status":{"code":2,"message":"m"}}]}]}]}
            """);
        Assert.True(answer.Status == 200, answer.ToString());

        var expected = new SpanFacts
        {
            TraceId = traceId,
            SpanId = "abcdef0123456789",
            ParentSpanId = "00000000000000ab",
            Name = "json é 🦊",
            Kind = 3,
            StartUnixNano = 1700000000000000001,
            EndUnixNano = 1700000000000000009,
            Attributes =
            [
                new("i", "int:-9223372036854775808"), new("j", "int:7"), new("d", "double:0.5"), new("b", "bool:false"),
                new("y", "bytes:AAEC"), new("e", "empty"), new("l", "kvlist:{k=array:[string:v]}"),
            ],
            Links = [new(traceId, "0123456789abcdef", [])],
            StatusCode = 2,
            StatusMessage = "m",
            ScopeName = "lib",
            ScopeVersion = "2",
            Resource = [new("service.name", "string:json")],
        };
        SpanFacts.AssertSame([expected], await _api.FindTraceAsync(traceId));
    }

    public void Dispose() => _client.Dispose();

    private static readonly SpanFacts[] EncodingSpans = Spans.NewTrace();

    /// <summary>A zstd frame of one raw block. https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1</summary>
    private static byte[] ZstdRaw(byte[] plain)
    {
        // Single segment, 4 bytes of content size; block header: last, raw, size << 3.
        var block = (plain.Length << 3) | 1;
        return [0x28, 0xB5, 0x2F, 0xFD, 0xA0, .. BitConverter.GetBytes(plain.Length), (byte)block, (byte)(block >> 8), (byte)(block >> 16),
            .. plain];
    }

    /// <summary>A snappy block of one literal. https://github.com/google/snappy/blob/main/format_description.txt</summary>
    private static byte[] SnappyLiteral(byte[] plain)
    {
        // Length as a varint of two bytes; tag 61 << 2: a literal whose length - 1 stands in the next two bytes.
        var last = plain.Length - 1;
        return [(byte)(plain.Length | 0x80), (byte)(plain.Length >> 7), 61 << 2, (byte)last, (byte)(last >> 8), .. plain];
    }
}
