using System.IO.Compression;
using System.Net;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.External;
using Tempo.Engine.Node.Forwarding;
using Tempo.Engine.Node.Peers;
using Tempo.Host.Config;
using Tempo.Host.Startup;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Outgoing;

/// <summary>
/// Whoever answers in the place of another service with something that never ends: a bounded part of it is read, and it is a clear error.
/// Heads and bodies, of another OTLP server, of another service's traces, and of a node of the ring; of object stores and token services in
/// their own tests.
/// </summary>
public sealed class EndlessAnswerTests : IAsyncDisposable
{
    /// <summary>What Kestrel, the sockets and the windows of HTTP/2 hold beyond what was read.</summary>
    private const long MostUnread = 24L << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly int _port = LoopbackPort.Free();
    private Listener? _listener;
    private long _sentBytes;

    private string Address => $"127.0.0.1:{_port}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_listener is not null) await _listener.DisposeAsync();
    }

    [Theory]
    [InlineData(200)]
    [InlineData(503)]
    public async Task Of_a_forwarders_server_the_body(int status)
    {
        await ServeAsync(isHttp2: true, context => EndlessAsync(context, status));
        var (error, isTransient) = await ForwardAsync(Address);
        Assert.Contains("65536", error, StringComparison.Ordinal);
        Assert.True(isTransient);
        Assert.InRange(Interlocked.Read(ref _sentBytes), 1, MostUnread);
    }

    [Fact]
    public async Task Of_a_forwarders_server_the_head()
    {
        using var server = EndlessServer.OfHttp2Heads();
        AssertIsOfTheHead(server, (await ForwardAsync(server.Address)).Error);
    }

    [Theory]
    [InlineData(200, "its answer has more than 67108864 bytes", ExternalTraces.MaxAnswerBytes)]
    [InlineData(500, "status 500: ", 0)]
    public async Task Of_external_traces_the_body(int status, string error, long readBytes)
    {
        using var server = EndlessServer.OfBodies(status);
        Assert.Contains(error, await FindAsync(server.Address), StringComparison.Ordinal);
        Assert.InRange(server.SentBytes, 1, readBytes + MostUnread);
    }

    [Fact]
    public async Task Of_external_traces_the_head()
    {
        using var server = EndlessServer.OfHeads();
        AssertIsOfTheHead(server, await FindAsync(server.Address));
    }

    // Nobody asked for gzip, and nothing unpacks it.
    [Fact]
    public async Task A_bomb_in_the_place_of_external_traces_is_not_unpacked()
    {
        await ServeAsync(isHttp2: false, async context =>
        {
            Assert.False(context.Request.Headers.ContainsKey("Accept-Encoding"));
            context.Response.Headers.ContentEncoding = "gzip";
            await using var gzip = new GZipStream(context.Response.Body, CompressionLevel.Fastest);
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 256; i++) await gzip.WriteAsync(zeros);
        });
        Assert.Contains("its answer is no trace", await FindAsync(Address), StringComparison.Ordinal);
    }

    // Two bytes each, and twenty in memory.
    [Fact]
    public async Task Of_external_traces_so_many_events_that_they_take_ten_times_their_bytes()
    {
        await ServeAsync(isHttp2: false, async context => await context.Response.Body.WriteAsync(EmptyEvents(5 << 20)));
        Assert.Contains("attributes, events and links; the limit is 4194304", await FindAsync(Address), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, "sent more than 4194304 bytes")]
    [InlineData(500, "sent more than 4194304 bytes")]
    public async Task Of_a_node_the_body(int status, string error)
    {
        await ServeAsync(isHttp2: true, context => EndlessAsync(context, status));
        Assert.Contains(error, await AskAsync(Address), StringComparison.Ordinal);
        Assert.InRange(Interlocked.Read(ref _sentBytes), 1, (4 << 20) + MostUnread);
    }

    [Fact]
    public async Task Of_a_node_the_head()
    {
        using var server = EndlessServer.OfHttp2Heads();
        AssertIsOfTheHead(server, await AskAsync(server.Address));
    }

    [Fact]
    public async Task Of_a_node_that_is_given_spans_the_head()
    {
        using var server = EndlessServer.OfHeads();
        using var transport = Transport();
        using var push = transport.OpenPush("b", server.Address);
        var error = await Assert.ThrowsAsync<PeerException>(
            () => push.AskAsync(new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 1]), Cancellation).WaitAsync(Patience, Cancellation));
        Assert.Contains("bytes of head", error.Message, StringComparison.Ordinal);
        Assert.InRange(server.SentBytes, 1, MostUnread);
    }

    private static async Task<(string Error, bool IsTransient)> ForwardAsync(string address)
    {
        using var client = new OtlpForwardClient(new ForwarderOptions { Name = "f", Endpoints = [address], IsInsecure = true }, address);
        return await client.SendAsync(TenantId.Single, new byte[] { 0 }, Cancellation).WaitAsync(Patience, Cancellation);
    }

    private static async Task<string> FindAsync(string address)
    {
        using var external = new ExternalTraces(new ExternalTraceOptions { Endpoint = new Uri($"http://{address}"), Timeout = Patience },
            new NodeOptions().MaxRequestEntries, new MetricRegistry(), TimeProvider.System);
        var found = await external.FindAsync(TenantId.Single, new TraceId(1, 2), 0, 0, Cancellation);
        Assert.Empty(found.Live);
        return found.Damage;
    }

    private static async Task<string> AskAsync(string address)
    {
        using var transport = Transport();
        using var answer = new NativeBuffer(1024);
        return (await Assert.ThrowsAsync<PeerException>(
            () => transport.AskAsync("b", address, PeerProtocol.Ping, null, answer, Cancellation).AsTask()
                .WaitAsync(Patience, Cancellation))).Message;
    }

    private static PeerTransport Transport() =>
        new(new PeerOptions { ConnectTimeout = TimeSpan.FromMinutes(1), MaxAnswerBytes = 4 << 20 },
            static () => new PeerGreeting("a", MemberState.Active, IsDrained: false));

    private static void AssertIsOfTheHead(EndlessServer server, string error)
    {
        Assert.Contains("headers length exceeded the set limit of 65536 bytes", error, StringComparison.Ordinal);
        Assert.InRange(server.SentBytes, 1, MostUnread);
    }

    private async Task ServeAsync(bool isHttp2, Func<HttpContext, Task> handle) =>
        _listener = await Listener.StartAsync("endless", new ListenAddress("127.0.0.1", _port),
            new ListenerLimits(MaxBodyBytes: null, MaxRequestLineBytes: 8192, IsHttp2Only: isHttp2), handle, Log.Null, null, null);

    private async Task EndlessAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        var piece = new byte[64 << 10];
        piece.AsSpan().Fill((byte)'A');
        // Until it is given up. What is written to a connection that has gone is sent to nobody.
        while (await context.Response.BodyWriter.WriteAsync(piece) is { IsCompleted: false, IsCanceled: false })
            Interlocked.Add(ref _sentBytes, piece.Length);
    }

    // One span with events of which nothing is said.
    private static byte[] EmptyEvents(int count)
    {
        var span = new byte[2 * count];
        for (var i = 0; i < span.Length; i += 2) span[i] = 0x5A; // field 11, of length 0
        byte[] scope = [0x12, .. Length(span.Length), .. span];
        byte[] resource = [0x12, .. Length(scope.Length), .. scope];
        return [0x0A, .. Length(resource.Length), .. resource];

        static byte[] Length(int value)
        {
            List<byte> bytes = [];
            for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
            return [.. bytes, (byte)value];
        }
    }
}
