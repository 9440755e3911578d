using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Tempo.Perf.Load.Transport;
using Xunit;

namespace Tempo.Perf.Load.Tests;

/// <summary>
/// Both clients against Kestrel, with the smallest windows it allows, so that every request has to wait for WINDOW_UPDATE.
/// </summary>
public sealed class ConnectionTests : IAsyncLifetime
{
    private const int MinWindowBytes = 65_535;

    private static readonly TimeSpan _held = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentBag<string> _receivedHashes = [];
    private WebApplication? _server;
    private int[] _ports = [];

    public async ValueTask InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.Limits.Http2.InitialConnectionWindowSize = MinWindowBytes;
            kestrel.Limits.Http2.InitialStreamWindowSize = MinWindowBytes;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1);
        });
        _server = builder.Build();
        _server.Run(Answer);
        await _server.StartAsync();
        _ports = [.. _server.Urls.Select(static url => new Uri(url).Port)];
    }

    public async ValueTask DisposeAsync() => await _server!.DisposeAsync();

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 5)]
    [InlineData(false, 1)]
    public void All_bytes_arrive_and_each_slot_is_answered_once(bool isGrpc, int inflight)
    {
        long begin = Stopwatch.GetTimestamp();
        var observer = new RecordingObserver();
        var target = new ExportTarget("127.0.0.1", _ports[isGrpc ? 0 : 1], isGrpc, Tenant: "team-a", IsGzip: false, MaxFrameBytes: 16_384);
        using IExportConnection connection = target.Connect(inflight, observer);
        var random = new Random(3);
        var sentHashes = new List<string>();
        var freeSlots = new Queue<int>(Enumerable.Range(0, inflight));
        observer.Free = freeSlots.Enqueue;
        int[] sizes = [0, 1, 16_379, 16_380, MinWindowBytes, 400_000, .. Enumerable.Range(0, 40).Select(_ => random.Next(200_000))];
        foreach (int size in sizes)
        {
            while (!connection.CanSend) connection.Receive(1_000_000);
            Span<byte> body = connection.Body(size);
            random.NextBytes(body);
            sentHashes.Add(Convert.ToHexString(SHA256.HashData(body)));
            connection.Send(freeSlots.Dequeue());
        }
        while (freeSlots.Count < inflight) connection.Receive(1_000_000);

        Assert.Equal(sentHashes.Order(), _receivedHashes.Order());
        Assert.Equal(sizes.Length, observer.Responses.Count);
        Assert.All(observer.Responses, static response =>
            Assert.Equal(new ExportResponse(ExportOutcome.Acknowledged, 3, null), response with { ArrivedTicks = 0 }));
        Assert.All(observer.Responses, response => Assert.InRange(response.ArrivedTicks, begin, Stopwatch.GetTimestamp()));
    }

    /// <summary>What counts is when bytes came, not when somebody had the time to read them.</summary>
    [Fact]
    public async Task Bytes_arrive_when_the_kernel_has_them()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var peer = new TcpClient();
        Task<Socket> accepted = listener.AcceptSocketAsync(TestContext.Current.CancellationToken).AsTask();
        await peer.ConnectAsync((IPEndPoint)listener.LocalEndpoint, TestContext.Current.CancellationToken);
        using Socket socket = await accepted;
        ArrivalClock.Enable(socket);
        // The first one that asks for notes gets them a little later: the kernel begins to make them beside the call that turns them on.
        TimeSpan age = TimeSpan.Zero;
        for (int attempt = 0; attempt < 20 && age < _held; attempt++)
        {
            await peer.GetStream().WriteAsync("12345"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.True(socket.Poll(TimeSpan.FromSeconds(30), SelectMode.SelectRead));
            await Task.Delay(2 * _held, TestContext.Current.CancellationToken);
            long read = Stopwatch.GetTimestamp();
            Assert.Equal(5, ArrivalClock.Receive(socket, new byte[16], out long arrived));
            age = Stopwatch.GetElapsedTime(arrived, read);
        }

        Assert.True(age >= _held, "the time of reading");
    }

    [Fact]
    public void Nobody_there_is_an_error_at_once()
    {
        var target = new ExportTarget("127.0.0.1", 1, IsGrpc: true, null, false, 16_384);
        Assert.ThrowsAny<System.Net.Sockets.SocketException>(() => target.Connect(1, new RecordingObserver()));
    }

    // Notes what came and rejects three spans: partial_success { rejected_spans: 3 }.
    private async Task Answer(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        byte[] message = body.ToArray();
        byte[] answer = [0x0A, 2, 8, 3];
        bool isGrpc = context.Request.Protocol == "HTTP/2";
        if (context.Request.Headers["X-Scope-OrgID"] != "team-a") context.Abort();
        if (isGrpc)
        {
            int length = message[1] << 24 | message[2] << 16 | message[3] << 8 | message[4];
            if (message[0] != 0 || length != message.Length - 5) context.Abort();
            message = message[5..];
            answer = [0, 0, 0, 0, 4, .. answer];
            context.Response.AppendTrailer("grpc-status", "0");
        }
        _receivedHashes.Add(Convert.ToHexString(SHA256.HashData(message)));
        await context.Response.Body.WriteAsync(answer);
    }

    private sealed class RecordingObserver : IExportObserver
    {
        public List<ExportResponse> Responses { get; } = [];
        public Action<int> Free { get; set; } = static _ => { };

        public void Completed(int slot, ExportResponse response)
        {
            Responses.Add(response);
            Free(slot);
        }
    }
}
