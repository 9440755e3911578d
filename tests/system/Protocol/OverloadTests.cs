using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>A server whose memory for requests is full says so in the way that makes senders try again, and takes the same
/// request once there is room. https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling</summary>
public sealed class OverloadTests
{
    /// <summary>Of all requests together.</summary>
    private const int InflightLimit = 256 << 20;

    /// <summary>Buffers of this length have a capacity of 2 MiB: 128 of them fill the account.</summary>
    private const int HeldBytes = 31 << 16;

    private const int Holders = 128;

    [Fact]
    public async Task Line12_a_full_server_asks_to_be_tried_again_on_every_protocol_and_then_takes_it()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var http = new OtlpHttpClient(tempo.OtlpHttpUrl);
        using var grpc = new GrpcClient(tempo.OtlpGrpcUrl);
        var spans = Spans.NewTrace(20_000);
        var request = ExportRequest.Encode(spans);
        Assert.InRange(request.Length, 1 << 20, 4 << 20);

        var holders = await Task.WhenAll(Enumerable.Range(0, Holders).Select(_ => HoldAsync(tempo)));
        await Eventually.HoldsAsync("the memory for requests is full",
            async () => (await tempo.Api.MetricsAsync()).Sum("tempo_receiver_inflight_bytes") > InflightLimit - (1 << 20));
        var json = Encoding.UTF8.GetBytes(ExportJson.Encode(spans[..5000]));
        byte[] list = [(byte)'[', .. Enumerable.Repeat((byte)' ', HeldBytes), (byte)']'];
        using var zipkin = new OtlpHttpClient(tempo.ZipkinUrl);
        using var jaeger = new OtlpHttpClient(tempo.JaegerHttpUrl + "/api/traces");
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            AssertAskedAgain(await http.SendAsync(HttpMethod.Post, request, OtlpHttpClient.Protobuf, version: version));
            AssertAskedAgain(await http.SendAsync(HttpMethod.Post, json, OtlpHttpClient.Json, version: version));
            foreach (var foreign in new[] { await zipkin.SendAsync(HttpMethod.Post, list, OtlpHttpClient.Json, version: version),
                await jaeger.SendAsync(HttpMethod.Post, list, "application/x-thrift", version: version) })
                Assert.Equal((503, true), (foreign.Status, foreign.Headers.ContainsKey("Retry-After")));
        }

        using var jaegerGrpc = new GrpcClient(tempo.JaegerGrpcUrl);
        AssertAskedAgain(await grpc.ExportAsync(request));
        AssertAskedAgain(await jaegerGrpc.CallAsync(GrpcClient.Frame(list), "/jaeger.api_v2.CollectorService/PostSpans"));
        Assert.Empty(await tempo.Api.FindTraceAsync(spans[0].TraceId));
        Assert.Equal(200, await tempo.Api.ReadyStatusAsync());

        foreach (var holder in holders) holder.Dispose();
        await Eventually.HoldsAsync("there is room again", async () => (await http.PostAsync(request)).Status == 200);
        SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
    }

    /// <summary>A request whose body does not go on.</summary>
    private static async Task<Socket> HoldAsync(TempoProcess tempo)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", tempo.Ports.OtlpHttp);
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: {64 << 20}\r\n\r\n"));
        var piece = new byte[1 << 16];
        for (var sent = 0; sent < HeldBytes; sent += piece.Length) await socket.SendAsync(piece);
        return socket;
    }

    private static void AssertAskedAgain(HttpAnswer answer)
    {
        Assert.True(answer.Status == 503, answer.ToString());
        Assert.True(int.Parse(answer.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture) >= 1);
        if (answer.ContentType == OtlpHttpClient.Json)
        {
            var json = JsonDocument.Parse(answer.Body).RootElement;
            Assert.Equal((GrpcAnswer.Unavailable, true), (json.GetProperty("code").GetInt32(), json.TryGetProperty("details", out _)));
            return;
        }

        var status = new RpcStatus(new ProtobufFields(answer.Body));
        Assert.Equal(GrpcAnswer.Unavailable, status.Code);
        Assert.Contains(RpcStatus.RetryInfo, status.Details);
    }

    private static void AssertAskedAgain(GrpcAnswer answer)
    {
        Assert.Equal(GrpcAnswer.Unavailable, answer.Status);
        Assert.Contains(RpcStatus.RetryInfo, answer.Details!.Details);
    }
}
