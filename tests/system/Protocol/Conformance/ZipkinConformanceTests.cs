using Tempo.Otlp.Tests.Foreign;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Conformance;

/// <summary>Lines 25 to 27 of the protocol list: Zipkin (https://zipkin.io/zipkin-api/).</summary>
public sealed class ZipkinConformanceTests(SharedTempo shared, LimitedTempo limited) : IClassFixture<LimitedTempo>
{
    private readonly TempoProcess _tempo = shared.Tempo;

    public static TheoryData<string> Versions => ["1.1", "2"];

    [Theory]
    [InlineData("/api/v2/spans", "application/json", "v2json")]
    [InlineData("/api/v2/spans", null, "v2json")]
    [InlineData("/", "text/plain", "v2json")]
    [InlineData("/any/path", "application/json; charset=utf-8", "v2json")]
    [InlineData("/api/v2/spans", "application/x-protobuf", "v2proto")]
    [InlineData("/api/v1/spans", "application/json", "v1json")]
    [InlineData("/api/v1/spans", "application/x-thrift", "v1thrift")]
    public async Task Line25_spans_are_accepted_with_202(string path, string? contentType, string format)
    {
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            var id = Id();
            var answer = await PostAsync(_tempo, path, Body(format, id), contentType, version: version);
            Assert.Equal((202, 0), (answer.Status, answer.Body.Length));
            var span = Assert.Single(await _tempo.Api.FindTraceAsync(id.ToString("x16", CultureInfo.InvariantCulture)));
            Assert.Equal(("zip", "string:zipkin-test"), (span.Name, span.Resource.Single(static a => a.Key == "service.name").Value));
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line25_a_bad_body_is_400(string version)
    {
        var http = Version(version);
        foreach (var (path, type, body) in new[] { ("/", "application/json", "[{bad"),
            ("/api/v1/spans", "application/json", "[{\"traceId\":\"1\"}]"), ("/", "application/x-protobuf", "xxx"),
            ("/api/v1/spans", "application/x-thrift", "ghi") })
        {
            var answer = await PostAsync(_tempo, path, Encoding.UTF8.GetBytes(body), type, version: http);
            Assert.Equal((400, "text/plain"), (answer.Status, answer.ContentType));
            Assert.EndsWith("\n", answer.Text, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line26_short_ids_are_padded_and_a_later_span_joins_the_trace(string version)
    {
        var http = Version(version);
        var trace = Id();
        var short16 = trace.ToString("x", CultureInfo.InvariantCulture);
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;
        Assert.Equal(202, (await PostAsync(_tempo, "",
            Encoding.UTF8.GetBytes($$"""[{"id":"1234","traceId":"{{short16}}","timestamp":{{now}},"name":"first"}]"""), null,
            version: http)).Status);
        Assert.Equal(202, (await PostAsync(_tempo, "",
            Encoding.UTF8.GetBytes(
                $$"""[{"id":"5678","traceId":"0000000000000000{{trace:x16}}","parentId":"1234","timestamp":{{now}},"name":"second"}]"""),
                    null, version: http)).Status);
        var spans = await _tempo.Api.FindTraceAsync(short16);
        Assert.Equal(["0000000000001234", "0000000000005678"], spans.Select(static s => s.SpanId).Order());
        Assert.Equal("0000000000001234", spans.Single(static s => s.Name == "second").ParentSpanId);
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line26_client_and_server_may_share_a_span_id(string version)
    {
        var trace = Id();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;
        var body = $$"""[{"id":"1","traceId":"{{trace:x}}","kind":"CLIENT","timestamp":{{now}}},{"id":"1","traceId":"{{trace:x}}","kind":"SERVER","shared":true,"timestamp":{{now}}}]""";
        Assert.Equal(202, (await PostAsync(
            _tempo, "/api/v2/spans", Encoding.UTF8.GetBytes(body), "application/json", version: Version(version))).Status);
        Assert.Equal([2, 3], (await _tempo.Api.FindTraceAsync(trace.ToString("x16", CultureInfo.InvariantCulture))).Select(static s =>
            s.Kind).Order());
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line26_ids_of_zero_are_refused(string version)
    {
        var http = Version(version);
        var answer = await PostAsync(_tempo, "/api/v2/spans", """[{"id":"0","traceId":"1"},{"id":"1","traceId":"0"}]"""u8.ToArray(),
            "application/json", version: http);
        Assert.Equal(400, answer.Status);
        var id = Id();
        answer = await PostAsync(_tempo, "/api/v2/spans",
            Encoding.UTF8.GetBytes($$"""[{"id":"0","traceId":"1"},{"id":"1","traceId":"{{id:x}}"}]"""), "application/json", version: http);
        Assert.Equal(202, answer.Status);
        Assert.Contains("1 spans rejected", answer.Headers["Warning"], StringComparison.Ordinal);
        Assert.Single(await _tempo.Api.FindTraceAsync(id.ToString("x16", CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("gzip", "1.1")]
    [InlineData("deflate", "1.1")]
    [InlineData("zlib", "1.1")]
    [InlineData("gzip", "2")]
    [InlineData("deflate", "2")]
    [InlineData("zlib", "2")]
    public async Task Line27_compressed_bodies_are_taken_and_broken_ones_are_400(string encoding, string version)
    {
        var http = Version(version);
        var id = Id();
        var plain = Body("v2json", id);
        var compressed = encoding == "gzip" ? GrpcClient.Gzip(plain) : OtlpWire.Zlib(plain);
        Assert.Equal(202, (await PostAsync(_tempo, "/", compressed, null, encoding, http)).Status);
        Assert.Single(await _tempo.Api.FindTraceAsync(id.ToString("x16", CultureInfo.InvariantCulture)));

        // Not read as it is, and no half of it is kept.
        Assert.Equal(400, (await PostAsync(_tempo, "/", plain, null, encoding, http)).Status);
        Assert.Equal(400, (await PostAsync(_tempo, "/", compressed[..^6], null, encoding, http)).Status);
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line27_over_the_rate_is_429_with_Retry_After(string version)
    {
        var http = Version(version);
        var answers = new List<HttpAnswer>();
        for (var i = 0; i < 80; i++)
            answers.Add(await PostAsync(limited.Tempo, "/", Body("v2json", Id()), null, version: http, tenant: "zipkin-" + version));
        Assert.Equal(202, answers[0].Status);
        var refused = answers[^1];
        Assert.Equal((429, "5"), (refused.Status, refused.Headers["Retry-After"]));
        Assert.StartsWith("RATE_LIMITED", refused.Text, StringComparison.Ordinal);
        Assert.Equal(401, (await PostAsync(limited.Tempo, "/", "[]"u8.ToArray(), null, version: http)).Status);
    }

    private static Version Version(string version) => version == "2" ? HttpVersion.Version20 : HttpVersion.Version11;

    // In the low half alone, as most Zipkin ids are.
    private static ulong Id() =>
        ulong.Parse(Spans.NewTraceId()[16..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) + 0xabc0_0000_0000_0000;

    private static byte[] Body(string format, ulong id)
    {
        var micros = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;
        switch (format)
        {
            case "v2json":
                return Encoding.UTF8.GetBytes(
                    $$"""[{"traceId":"{{id:x16}}","id":"00000000000000aa","name":"zip","timestamp":{{micros}},"duration":5,"localEndpoint":{"serviceName":"zipkin-test"} }]""");
            case "v1json":
                return Encoding.UTF8.GetBytes(
                    $$"""[{"traceId":"{{id:x16}}","id":"00000000000000aa","name":"zip","timestamp":{{micros}},"duration":5,"annotations":[{"timestamp":{{micros}},"value":"cs","endpoint":{"serviceName":"zipkin-test"} }]}]""");
            case "v2proto":
                var span = new ProtobufMessage().Bytes(1, BigEndian(id)).Bytes(3, BigEndian(0xaa)).String(5, "zip")
                    .Fixed64(6, (ulong)micros).Message(8, new ProtobufMessage().String(1, "zipkin-test"));
                return new ProtobufMessage().Message(1, span).ToArray();
            default:
                return new ThriftMessage(isCompact: false).ListOf(ThriftMessage.Struct, 1, m => m
                    .I64Field(1, (long)id).TextField(3, "zip").I64Field(4, 0xaa)
                    .ListField(6, a => a.I64Field(1, micros).TextField(2, "sr").StructField(3, static e => e.TextField(3, "zipkin-test"))))
                        .ToArray();
        }
    }

    private static byte[] BigEndian(ulong value)
    {
        var bytes = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    private static async Task<HttpAnswer> PostAsync(
        TempoProcess tempo, string path, byte[] body, string? contentType, string? encoding = null, Version? version = null,
        string? tenant = null)
    {
        using var http = new OtlpHttpClient(tempo.ZipkinUrl + path);
        return await http.SendAsync(HttpMethod.Post, body, contentType, encoding, version, tenant);
    }
}
