using System.Net;
using System.Net.Sockets;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Host.Config;
using Tempo.Host.Peer;
using Tempo.Host.Receivers;
using Tempo.Host.Startup;
using Tempo.Host.Telemetry;
using Tempo.Ring;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;
using Tempo.Ring.Tests;
using Tempo.Testing;
using Xunit;
using RingPeer = Tempo.Ring.Peers.Peer;

namespace Tempo.Host.Tests.Peer;

/// <summary>Both ends of the stream on which a node is given spans, over a real connection.</summary>
public sealed class PushStreamTests : IAsyncLifetime
{
    private const string Secret = "canary";
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-push-").FullName;
    private readonly int _port = FreePort();
    private readonly NativeBufferPool _buffers = new(16, 1 << 20);
    private readonly SteppedTime _time = new(0);
    private TempoNode _node = null!;

    private string Address => $"127.0.0.1:{_port}";

    public async ValueTask InitializeAsync() => _node = await TempoNode.StartAsync(
        new NodeOptions { WalPath = Path.Combine(_folder, "wal"), BlocksPath = Path.Combine(_folder, "blocks") }, new MetricRegistry(), Log.Null, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Each_of_many_requests_of_several_tenants_has_its_own_answer()
    {
        await using var server = await ServeAsync();
        using var transport = Transport(Secret);
        using var peer = PeerOf(transport);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => SendAsync(peer, $"tenant-{i % 12}", trace: i, spans: 1 + (i % 5))));
        for (var i = 0; i < outcomes.Length; i++) Assert.Equal((IngestStatus.Accepted, 1 + (i % 5), 0), (outcomes[i].Status, outcomes[i].AcceptedSpans, outcomes[i].RejectedSpans));
        Assert.False(peer.IsSuspect);
    }

    [Fact]
    public async Task A_node_that_ends_answers_what_it_has_read_and_is_found_again_when_it_is_back()
    {
        using var transport = Transport(Secret);
        using var peer = PeerOf(transport);
        for (var round = 0; round < 3; round++)
        {
            await using (await ServeAsync()) Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: round, spans: 2)).Status);
            Assert.Equal(IngestStatus.Unavailable, (await SendAsync(peer, "a", trace: round, spans: 2)).Status);
        }
    }

    [Fact]
    public async Task A_stranger_is_told_so_and_nothing_of_him_is_stored()
    {
        await using var server = await ServeAsync();
        using var transport = Transport("another");
        using var peer = PeerOf(transport);
        var outcome = await SendAsync(peer, "a", trace: 1, spans: 1);
        Assert.Equal(IngestStatus.Unavailable, outcome.Status);
        Assert.Contains("403", outcome.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ping")]
    [InlineData("push")]
    [InlineData("live")]
    public async Task A_node_of_another_version_is_told_so_and_nothing_of_it_is_read(string question)
    {
        await using var server = await ServeAsync();
        using var transport = Transport(Secret);
        using var answer = new NativeBuffer();
        // As a node of the next version would ask; what its bytes mean nobody here knows.
        var refused = await Assert.ThrowsAsync<PeerException>(async () => await transport.AskAsync("b", Address, $"{PeerProtocol.Root}v{PeerProtocol.Version + 1}/{question}", question == "ping" ? null : new byte[20], answer, TestContext.Current.CancellationToken));
        Assert.Contains("400: b speaks version 2 of the protocol between nodes and was asked in that of /tempo.peer/v3/", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_no_member_any_more_is_sent_nothing()
    {
        await using var server = await ServeAsync();
        using var transport = Transport(Secret);
        using var peer = PeerOf(transport);
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: 1, spans: 1)).Status);
        peer.Dispose();
        Assert.Equal(IngestStatus.Unavailable, (await SendAsync(peer, "a", trace: 2, spans: 1)).Status);
    }

    // Of HTTP/1.1 the port takes this and nothing else: what cannot speak HTTP/2 is no node.
    [Theory]
    [InlineData("GET", "ping", PeerProtocol.PushUpgrade)]
    [InlineData("POST", "live", PeerProtocol.PushUpgrade)]
    [InlineData("GET", "push", "websocket")]
    [InlineData("POST", "push", PeerProtocol.PushUpgrade)]
    public async Task Of_HTTP_1_only_the_upgrade_of_the_push_stream_is_taken(string method, string question, string upgrade)
    {
        await using var server = await ServeAsync();
        using var socket = await ConnectAsync(method, question, upgrade);
        Assert.StartsWith("HTTP/1.1 400 Bad Request", await ReadTextAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_says_no_more_in_the_middle_of_a_frame_is_left()
    {
        await using var server = await ServeAsync();
        using var socket = await ConnectAsync("GET", "push", PeerProtocol.PushUpgrade);
        Assert.StartsWith("HTTP/1.1 101", await ReadTextAsync(socket), StringComparison.Ordinal);
        var frame = new byte[PeerProtocol.FrameHeaderBytes + 10];
        PeerProtocol.WriteFrameHeader(frame, 1, 100_000);
        await socket.SendAsync(frame);
        var end = ReadTextAsync(socket);

        // It begins to wait when it likes.
        while (!end.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(31));
            await Task.WhenAny(end, Task.Delay(100, TestContext.Current.CancellationToken));
        }

        Assert.Empty(await end);
    }

    private async Task<Socket> ConnectAsync(string method, string question, string upgrade)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", _port, TestContext.Current.CancellationToken);
        var head = $"{method} {PeerProtocol.PathPrefix}{question} HTTP/1.1\r\nHost: x\r\n{PeerProtocol.SecretHeader}: {Secret}\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n";
        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(head));
        return socket;
    }

    // What comes at once; nothing at the end.
    private static async Task<string> ReadTextAsync(Socket socket)
    {
        var bytes = new byte[4096];
        return System.Text.Encoding.ASCII.GetString(bytes, 0, await socket.ReceiveAsync(bytes));
    }

    private async Task<IngestOutcome> SendAsync(RingPeer peer, string tenant, int trace, int spans)
    {
        Assert.True(TenantId.TryParse(tenant, out var id, out _));
        var request = new SharedRequest(_buffers, 1024);
        BareSpans.Write(request.Buffer, Enumerable.Repeat(new TraceId(9, (ulong)trace + 1), spans));
        return await peer.IngestAsync(id, request, isCounted: trace % 2 == 0);
    }

    private static PeerTransport Transport(string secret) => new(Options(secret), static () => new PeerGreeting("a", MemberState.Active, IsDrained: false));

    private static PeerOptions Options(string secret) => new() { Secret = secret, ConnectTimeout = TimeSpan.FromMinutes(1), PushTimeout = TimeSpan.FromMinutes(1) };

    private RingPeer PeerOf(PeerTransport transport) => new(new Member("b", Address, "", MemberState.Active, MemberRoles.Holder), transport, Options(Secret), Log.Null, TimeProvider.System);

    private async Task<Server> ServeAsync()
    {
        var metrics = new MetricRegistry();
        var ring = RingNode.Start(new RingOptions { InstanceId = "b", Address = Address, Peers = Options(Secret) }, metrics, Log.Null, TimeProvider.System, new Random(1));
        var memory = new RequestMemory(64 << 20);
        var endpoint = new PeerEndpoint(_node, ring, memory, new RequestMetrics(metrics), _time);
        var listener = await Listener.StartAsync("grpc", new ListenAddress("127.0.0.1", _port), new ListenerLimits(MaxBodyBytes: null, MaxRequestLineBytes: 8192, IsHttp2Only: true) { TakesUpgrades = true }, endpoint.Before(static _ => Task.CompletedTask), Log.Null, null);
        return new Server(ring, listener, memory);
    }

    // As the process stops: what is open here ends first, so that the listener need not wait for it.
    private sealed class Server(RingNode ring, Listener listener, RequestMemory memory) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await ring.EndAsync();
            await listener.StopAsync(CancellationToken.None);
            await listener.DisposeAsync();
            await ring.DisposeAsync();
            memory.Dispose();
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
