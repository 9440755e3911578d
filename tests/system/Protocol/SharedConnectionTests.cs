using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>What one call on a gRPC connection does is not the affair of the others.</summary>
public sealed class SharedConnectionTests : IDisposable
{
    private readonly HttpClient _http;
    private int _connections;

    public SharedConnectionTests() => _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync });

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task A_message_that_does_not_go_on_ends_its_call_and_no_other()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var stop = new CancellationTokenSource();
        using var stalled = new StalledContent(stop.Token);
        using var answer = await ExportAsync(tempo, stalled);
        Assert.Equal(200, (int)answer.StatusCode);
        Assert.Equal("1", StatusOf(answer));

        using var good = new ByteArrayContent(GrpcClient.Frame(ExportRequest.Encode(Spans.NewTrace())));
        using var next = await ExportAsync(tempo, good);
        Assert.Equal("0", StatusOf(next));
        Assert.Equal(1, _connections);
        await stop.CancelAsync();
        Assert.Equal(0, (await tempo.Api.MetricsAsync()).Sum("tempo_receiver_inflight_bytes"));
    }

    [Theory]
    [InlineData(1, 40_000)]
    [InlineData(1, 200_000)]
    [InlineData(150, 100)]
    [InlineData(900, 100)]
    public async Task Much_metadata_is_taken(int entries, int bytes)
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var good = new ByteArrayContent(GrpcClient.Frame(ExportRequest.Encode(Spans.NewTrace())));
        using var answer = await ExportAsync(tempo, good, request =>
        {
            for (var i = 0; i < entries; i++) request.Headers.TryAddWithoutValidation($"x-entry-{i}", new string('v', bytes));
        });
        Assert.Equal(200, (int)answer.StatusCode);
        Assert.Equal("0", StatusOf(answer));
    }

    private async Task<HttpResponseMessage> ExportAsync(TempoProcess tempo, HttpContent content, Action<HttpRequestMessage>? change = null)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var request = new HttpRequestMessage(HttpMethod.Post, tempo.OtlpGrpcUrl + GrpcClient.ExportPath)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        change?.Invoke(request);
        return await _http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static string StatusOf(HttpResponseMessage answer) =>
        answer.TrailingHeaders.TryGetValues("grpc-status", out var values) || answer.Headers.TryGetValues("grpc-status", out values)
            ? values.Single()
            : "none";

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _connections);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(context.DnsEndPoint, cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>The beginning of a message of 100 KB.</summary>
    private sealed class StalledContent(CancellationToken stop) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(GrpcClient.Frame(new byte[1000], claimedLength: 100_000), stop);
            await stream.FlushAsync(stop);
            await Task.Delay(Timeout.Infinite, stop);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
