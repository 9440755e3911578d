using Tempo.Otlp.Tests.Foreign;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Conformance;

/// <summary>Lines 28 to 30 of the protocol list: Jaeger (https://www.jaegertracing.io/docs/latest/apis/).</summary>
public sealed class JaegerConformanceTests(SharedTempo shared, LimitedTempo limited) : IClassFixture<LimitedTempo>
{
    private const string PostSpans = "/jaeger.api_v2.CollectorService/PostSpans";
    private readonly TempoProcess _tempo = shared.Tempo;

    public static TheoryData<string> Versions => ["1.1", "2"];

    [Theory]
    [InlineData("application/x-thrift", "1.1")]
    [InlineData("application/x-thrift; charset=utf-8", "2")]
    [InlineData("application/vnd.apache.thrift.binary", "1.1")]
    [InlineData("application/vnd.apache.thrift.binary", "2")]
    public async Task Line28_thrift_over_http_is_202(string contentType, string version)
    {
        var traceId = Spans.NewTraceId();
        var answer = await PostAsync(_tempo, Batch(traceId), contentType, version);
        Assert.Equal((202, 0), (answer.Status, answer.Body.Length));
        await AssertFoundAsync(traceId);
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line28_another_type_or_bad_thrift_is_400(string version)
    {
        Assert.Equal((400, "Unsupported content type: application/json\n"),
            await PostAsync(_tempo, [1], "application/json", version) is var a ? (a.Status, a.Text) : default);
        Assert.Equal(
            (400, "Unsupported content type: \n"), await PostAsync(_tempo, [1], null, version) is var b ? (b.Status, b.Text) : default);
        Assert.Equal((400, "Unable to process request body: Unknown data type 103\n"),
            await PostAsync(_tempo, "ghi"u8.ToArray(), "application/x-thrift", version) is var c ? (c.Status, c.Text) : default);
        using var http = new OtlpHttpClient(_tempo.JaegerHttpUrl + "/api/traces");
        Assert.Equal(405, (await http.SendAsync(HttpMethod.Get, [], null)).Status);
        using var elsewhere = new OtlpHttpClient(_tempo.JaegerHttpUrl + "/api/other");
        Assert.Equal(404, (await elsewhere.PostAsync([1], "application/x-thrift")).Status);
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task Line28_over_the_rate_is_429_and_not_500(string version)
    {
        HttpAnswer answer = null!;
        for (var i = 0; i < 100; i++)
            answer = await PostAsync(limited.Tempo, Batch(Spans.NewTraceId()), "application/x-thrift", version, "jaeger-" + version);
        Assert.Equal((429, "5"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.StartsWith("RATE_LIMITED", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Line28_grpc_PostSpans()
    {
        using var grpc = new GrpcClient(_tempo.JaegerGrpcUrl);
        var traceId = Spans.NewTraceId();
        var time = new ProtobufMessage().Varint(1, (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        var span = new ProtobufMessage().Bytes(1, Convert.FromHexString(traceId)).Bytes(2, [1, 2, 3, 4, 5, 6, 7, 8]).String(3, "jag")
            .Message(6, time).Message(7, new ProtobufMessage().Varint(2, 1000));
        var batch = new ProtobufMessage().Message(1, span).Message(2, new ProtobufMessage().String(1, "jaeger-test"));
        var answer = await grpc.CallAsync(GrpcClient.Frame(new ProtobufMessage().Message(1, batch).ToArray()), PostSpans);
        Assert.Equal((GrpcAnswer.Ok, 0), (answer.Status, Assert.Single(answer.Messages).Length));
        await AssertFoundAsync(traceId);

        Assert.Equal(GrpcAnswer.InvalidArgument, (await grpc.CallAsync(GrpcClient.Frame([0xff]), PostSpans)).Status);
        Assert.Equal(
            GrpcAnswer.Unimplemented, (await grpc.CallAsync(GrpcClient.Frame([]), "/jaeger.api_v2.CollectorService/Other")).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Line29_datagrams_are_taken_and_bad_ones_are_counted(bool isCompact)
    {
        var (port, transport) =
            isCompact ? (_tempo.Ports.JaegerCompact, "udp_thrift_compact") : (_tempo.Ports.JaegerBinary, "udp_thrift_binary");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var target = new IPEndPoint(IPAddress.Loopback, port);
        async Task<double> CountAsync(string result) =>
            (await _tempo.Api.MetricsAsync()).Sum("tempo_receiver_udp_datagrams_total", $"transport=\"{transport}\",result=\"{result}\"");
        var (stored, malformed, tooLarge) = (await CountAsync("stored"), await CountAsync("malformed"), await CountAsync("too_large"));

        var traceId = Spans.NewTraceId();
        byte[] good = new ThriftMessage(isCompact).Call("emitBatch").Body(a => a.StructField(1, m => Batch(m, traceId))).ToArray();
        var random = new Random(29);
        byte[][] bad = [[], [0], good[..10], good[..^20], [.. Enumerable.Repeat((byte)0xff, 100)],
            .. Enumerable.Range(1, 50).Select(n => Noise(random, n))];
        foreach (var datagram in bad) await socket.SendToAsync(datagram, SocketFlags.None, target);
        await socket.SendToAsync(new byte[65_001], SocketFlags.None, target);
        await socket.SendToAsync(good, SocketFlags.None, target);

        await Eventually.HoldsAsync("every datagram is accounted for", async () =>
            await CountAsync("stored") == stored + 1 && await CountAsync("malformed") == malformed + bad.Length
                && await CountAsync("too_large") == tooLarge + 1);
        await AssertFoundAsync(traceId);
    }

    [Fact]
    public async Task Line30_claimed_sizes_and_depths_are_bounded()
    {
        // A list of 2³¹ - 1 spans in 10 bytes; a negative one; a text longer than the body; structs in structs.
        byte[][] bodies =
        [
            [15, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff], [15, 0, 2, 12, 0xff, 0xff, 0xff, 0xff], [12, 0, 1, 11, 0, 1, 0x7f, 0xff, 0xff, 0xff],
            [.. Enumerable.Repeat(new byte[] { 12, 0, 99 }, 200_000).SelectMany(static b => b)],
        ];
        foreach (var body in bodies)
        {
            var answer = await PostAsync(_tempo, body, "application/x-thrift", "1.1");
            Assert.Equal(400, answer.Status);
            Assert.StartsWith("Unable to process request body: ", answer.Text, StringComparison.Ordinal);
        }

        Assert.Contains(
            "nested deeper than 64", (await PostAsync(_tempo, bodies[3], "application/x-thrift", "1.1")).Text, StringComparison.Ordinal);
    }

    private static byte[] Noise(Random random, int length)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        noise[0] |= 0x40; // never the beginning of a call
        return noise;
    }

    private static byte[] Batch(string traceId) => new ThriftMessage(isCompact: false).Body(m => Batch(m, traceId)).ToArray();

    private static void Batch(ThriftMessage message, string traceId)
    {
        var id = Convert.FromHexString(traceId);
        message
            .StructField(1, static p => p.TextField(1, "jaeger-test"))
            .ListField(2, s => s
                .I64Field(1, BinaryPrimitives.ReadInt64BigEndian(id.AsSpan(8))).I64Field(2, BinaryPrimitives.ReadInt64BigEndian(id))
                    .I64Field(3, 7).I64Field(4, 0)
                .TextField(5, "jag").I32Field(7, 1).I64Field(8, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000).I64Field(9, 5));
    }

    private async Task AssertFoundAsync(string traceId)
    {
        var span = Assert.Single(await _tempo.Api.FindTraceAsync(traceId));
        Assert.Equal(("jag", "string:jaeger-test"), (span.Name, span.Resource.Single(static a => a.Key == "service.name").Value));
    }

    private static async Task<HttpAnswer> PostAsync(
        TempoProcess tempo, byte[] body, string? contentType, string version, string? tenant = null)
    {
        using var http = new OtlpHttpClient(tempo.JaegerHttpUrl + "/api/traces");
        return await http.SendAsync(
            HttpMethod.Post, body, contentType, version: version == "2" ? HttpVersion.Version20 : null, tenant: tenant);
    }
}
