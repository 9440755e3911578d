using System.Net;
using System.Net.Sockets;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
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

/// <summary>Both ends of the way on which a node is given spans, over real connections, by Kestrel (as with TLS) and below it.</summary>
public sealed class PushTests : IAsyncLifetime
{
    private string _secret = "canary";
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-push-").FullName;
    private readonly int _port = LoopbackPort.Free();
    private readonly NativeBufferPool _buffers = new(16, 1 << 20);
    private readonly SteppedTime _time = new(0);
    private TempoNode _node = null!;

    private string Address => $"127.0.0.1:{_port}";

    public async ValueTask InitializeAsync() => _node = await TempoNode.StartAsync(
        new NodeOptions
        {
            WalPath = Path.Combine(_folder, "wal"),
            BlocksPath = Path.Combine(_folder, "blocks"),
            Overrides = new TenantOverrides(
                TenantLimits.BuiltIn with
                {
                    MetricsGenerator =
                    new MetricsGeneratorLimits { Processors = ["span-metrics"], IngestionTimeRangeSlack = TimeSpan.FromDays(1) }
                }),
        }, new MetricRegistry(), Log.Null, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_of_many_requests_of_several_tenants_has_its_own_answer(bool isBelowKestrel)
    {
        await using var server = await ServeAsync(isBelowKestrel);
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => SendAsync(peer, $"tenant-{i % 12}", trace: i, Spans(i))));
        for (var i = 0; i < outcomes.Length; i++)
            Assert.Equal((IngestStatus.Accepted, Spans(i), 0), (outcomes[i].Status, outcomes[i].AcceptedSpans, outcomes[i].RejectedSpans));
        Assert.False(peer.IsSuspect);
        Assert.Equal(!isBelowKestrel, server.ByKestrel > 0);

        static int Spans(int i) => i % 100 == 7 ? 50_000 : 1 + (i % 5); // some are large enough to go alone, from where they are
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_of_many_pieces_is_stored_whole(bool isBelowKestrel)
    {
        await using var server = await ServeAsync(isBelowKestrel);
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport);
        for (var trace = 0; trace < 3; trace++)
            Assert.Equal((IngestStatus.Accepted, 100_000),
                await SendAsync(peer, "a", trace, spans: 100_000) is var outcome ? (outcome.Status, outcome.AcceptedSpans) : default);
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: 4, spans: 1)).Status);
        Assert.Equal(!isBelowKestrel, server.ByKestrel > 0);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(50_000)]
    public async Task A_secret_that_is_longer_than_the_room_before_a_batch_goes_before_it(int spans)
    {
        _secret = new string('s', 4000);
        await using var server = await ServeAsync();
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport);
        for (var trace = 0; trace < 3; trace++) Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace, spans)).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_ends_and_is_back_is_found_again(bool isBelowKestrel)
    {
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport);
        for (var round = 0; round < 3; round++)
        {
            await using (await ServeAsync(isBelowKestrel))
                Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: round, spans: 2)).Status);
            // else nobody hears that its connection is gone before the next batch
            if (round == 1) Assert.Equal(IngestStatus.Unavailable, (await SendAsync(peer, "a", trace: round, spans: 2)).Status);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_that_makes_no_sense_is_told_so(bool isBelowKestrel)
    {
        await using var server = await ServeAsync(isBelowKestrel);
        using var transport = Transport(_secret);
        using var way = transport.OpenPush("b", Address);
        var refused = await Assert.ThrowsAsync<PeerException>(
            () => way.AskAsync(new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 3]), TestContext.Current.CancellationToken));
        Assert.Contains("400: a batch of 3 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Null(refused.InnerException); // it is there, and says so itself
    }

    [Fact]
    public async Task Who_is_late_is_late_with_all_that_is_under_way()
    {
        using var silent = new TcpListener(IPAddress.Loopback, _port);
        silent.Start();
        using var transport = Transport(_secret);
        using var way = transport.OpenPush("b", Address);
        using var late = new CancellationTokenSource();
        var (first, second) = (way.AskAsync(Batch(), late.Token), way.AskAsync(Batch(), TestContext.Current.CancellationToken));
        // both have been sent, or begun to be
        for (var i = 0; i < 2; i++) await (await silent.AcceptSocketAsync()).ReceiveAsync(new byte[1]);
        await late.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.NotNull((await Assert.ThrowsAsync<PeerException>(() => second)).InnerException);

        static PushBatch Batch() => new(new byte[PeerProtocol.HeadRoomBytes + PeerProtocol.RecordsEndBytes]);
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
        using var transport = Transport(_secret);
        using var answer = new NativeBuffer();
        // As a node of the next version would ask; what its bytes mean nobody here knows.
        var refused = await Assert.ThrowsAsync<PeerException>(
            async () => await transport.AskAsync("b", Address, $"{PeerProtocol.Root}v{PeerProtocol.Version + 1}/{question}",
                question == "ping" ? null : new byte[20], answer, TestContext.Current.CancellationToken));
        Assert.Contains("400: b speaks version 3 of the protocol between nodes and was asked in that of /tempo.peer/v4/", refused.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_no_member_any_more_is_sent_nothing()
    {
        await using var server = await ServeAsync();
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport);
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: 1, spans: 1)).Status);
        peer.Dispose();
        Assert.Equal(IngestStatus.Unavailable, (await SendAsync(peer, "a", trace: 2, spans: 1)).Status);
    }

    // Of HTTP/1.1 the port takes this and nothing else: what cannot speak HTTP/2 is no node.
    [Theory]
    [InlineData("GET", "ping", true)]
    [InlineData("POST", "live", true)]
    [InlineData("GET", "push", true)]
    [InlineData("POST", "live", false)]
    public async Task Of_HTTP_1_only_pushes_are_taken(string method, string question, bool isBelowKestrel)
    {
        await using var server = await ServeAsync(isBelowKestrel);
        using var socket = await ConnectAsync(method, question, "Content-Length: 0");
        Assert.StartsWith("HTTP/1.1 400 Bad Request", await ReadTextAsync(socket), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_says_no_more_in_the_middle_of_a_batch_is_left(bool isBelowKestrel)
    {
        await using var server = await ServeAsync(isBelowKestrel);
        using var socket = await ConnectAsync("POST", "push", $"Content-Type: {PeerProtocol.ContentType}\r\nContent-Length: 100000");
        await socket.SendAsync(new byte[1000]);
        var end = ReadTextAsync(socket);

        // It begins to wait when it likes.
        while (!end.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(31));
            await Task.WhenAny(end, Task.Delay(100, TestContext.Current.CancellationToken));
        }

        Assert.Matches("^HTTP/1.1 (408|503)", await end);
    }

    // A node that has no room, or knows no such member, need not read what it refuses.
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task A_refusal_is_heard_while_the_batch_is_still_being_written(bool closes, bool isLarge)
    {
        using var busy = new TcpListener(IPAddress.Loopback, _port);
        busy.Start();
        using var transport = Transport(_secret);
        using var way = transport.OpenPush("b", Address);
        var bytes = new byte[64 << 20]; // more than sockets hold
        var asking = way.AskAsync(isLarge ? new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 20], bytes) : new PushBatch(bytes),
            TestContext.Current.CancellationToken);
        var socket = await busy.AcceptSocketAsync();
        await socket.ReceiveAsync(new byte[1]);
        await socket.SendAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"u8.ToArray());
        if (closes) socket.Dispose();
        var refused = await Assert.ThrowsAsync<PeerException>(() => asking.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Contains("with 403: no", refused.Message, StringComparison.Ordinal);
        Assert.Null(refused.InnerException); // it is there, and says so itself
        socket.Dispose();
    }

    [Fact]
    public async Task A_batch_that_was_taken_before_its_connection_ended_is_sent_again_and_counted_once()
    {
        await using var server = await ServeAsync();
        var port = LoopbackPort.Free();
        using var between = new TcpListener(IPAddress.Loopback, port);
        between.Start();
        using var transport = Transport(_secret);
        using var peer = PeerOf(transport, $"127.0.0.1:{port}");
        var passing = PassAsync(between, answersBeforeEnd: 1, silentAnswers: 1);
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(peer, "a", trace: 0, spans: 3, DateTimeOffset.UtcNow)).Status);
        var again = SendAsync(peer, "a", trace: 2, spans: 5, DateTimeOffset.UtcNow); // on the connection that was kept
        await passing;
        var passingAgain = PassAsync(between, answersBeforeEnd: 1, silentAnswers: 0);
        Assert.Equal((IngestStatus.Accepted, 5), await again is var outcome ? (outcome.Status, outcome.AcceptedSpans) : default);
        await passingAgain;

        Assert.True(TenantId.TryParse("a", out var tenant, out _));
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        Assert.True(_node.TryWriteGeneratedMetrics(tenant, isOpenMetrics: false, text));
        var calls = System.Text.Encoding.UTF8.GetString(text.WrittenSpan).Split('\n')
            .Where(static line => line.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal));
        Assert.Equal(8, calls.Sum(
            static line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0],
                System.Globalization.CultureInfo.InvariantCulture)));
    }

    // Hands one connection on to the node, so many answers back, and ends it when so many more have come.
    private async Task PassAsync(TcpListener between, int answersBeforeEnd, int silentAnswers)
    {
        using var client = await between.AcceptSocketAsync();
        using var node = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await node.ConnectAsync("127.0.0.1", _port);
        var forth = HandOnAsync();
        var bytes = new byte[4096];
        for (var answer = 0; answer < answersBeforeEnd + silentAnswers; answer++)
        {
            var count = await node.ReceiveAsync(bytes); // an answer is one write
            if (answer < answersBeforeEnd) await client.SendAsync(bytes.AsMemory(0, count));
        }

        if (silentAnswers == 0) return;
        client.Shutdown(SocketShutdown.Both);
        node.Shutdown(SocketShutdown.Both);
        await forth;

        async Task HandOnAsync()
        {
            var piece = new byte[4096];
            while (await client.ReceiveAsync(piece) is > 0 and var count) await node.SendAsync(piece.AsMemory(0, count));
        }
    }

    [Fact]
    public async Task The_memory_of_a_batch_that_was_refused_is_used_for_the_next()
    {
        using var transport = new RefusingTransport();
        using var peer = PeerOf(transport);
        for (var trace = 0; trace < 3; trace++)
            Assert.Equal(IngestStatus.Unavailable, (await SendAsync(peer, "a", trace, spans: 1)).Status);
        Assert.Equal(3, transport.Batches.Count);
        Assert.Single(transport.Batches.Distinct());
    }

    // What is of more than a batch is sent from the buffer in which it lies, and which is another request's once it was let go of.
    [Theory]
    [InlineData(1, true)]
    [InlineData(50_000, false)]
    public async Task The_memory_of_a_large_request_is_let_go_of_when_nobody_reads_it_any_more(int spans, bool isLetGoBefore)
    {
        var ends = new Exception?[] { null, new PeerException("no"), new PeerException("gone", new IOException("gone")),
            new OperationCanceledException(), new IOException("planted") };
        foreach (var end in ends)
        {
            var transport = new HeldTransport();
            using var peer = PeerOf(transport);
            var pool = new NativeBufferPool(1, 8 << 20);
            var request = new SharedRequest(pool, 1024);
            BareSpans.Write(request.Buffer, Enumerable.Repeat(new TraceId(9, 1), spans));
            var (buffer, sent) = (request.Buffer, request.Buffer.Written.ToArray());
            Assert.True(TenantId.TryParse("a", out var tenant, out _));
            var stored = peer.IngestAsync(tenant, request, isCounted: true);
            var before = pool.Rent(0);
            Assert.Equal(isLetGoBefore, before == buffer);
            if (!isLetGoBefore) Assert.True(transport.Batch.Records().AsSpan().StartsWith(sent));
            if (end is null) transport.Answer.SetResult([]);
            else transport.Answer.SetException(end);
            Assert.Equal(IngestStatus.Unavailable, (await stored).Status);
            if (!isLetGoBefore) Assert.Same(buffer, pool.Rent(0));
        }
    }

    private async Task<Socket> ConnectAsync(string method, string question, string headers)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", _port, TestContext.Current.CancellationToken);
        var head = $"{method} {PeerProtocol.PathPrefix}{question} HTTP/1.1\r\nHost: x\r\n{PeerProtocol.SecretHeader}: {_secret}\r\n{headers}\r\n\r\n";
        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(head));
        return socket;
    }

    // What comes at once; nothing at the end.
    private static async Task<string> ReadTextAsync(Socket socket)
    {
        var bytes = new byte[4096];
        return System.Text.Encoding.ASCII.GetString(bytes, 0, await socket.ReceiveAsync(bytes));
    }

    private async Task<IngestOutcome> SendAsync(RingPeer peer, string tenant, int trace, int spans, DateTimeOffset? end = null)
    {
        Assert.True(TenantId.TryParse(tenant, out var id, out _));
        var request = new SharedRequest(_buffers, 1024);
        BareSpans.Write(request.Buffer, Enumerable.Repeat(new TraceId(9, (ulong)trace + 1), spans), end);
        return await peer.IngestAsync(id, request, isCounted: trace % 2 == 0);
    }

    private static PeerTransport Transport(string secret) =>
        new(Options(secret), static () => new PeerGreeting("a", MemberState.Active, IsDrained: false));

    private static PeerOptions Options(string secret) =>
        new() { Secret = secret, ConnectTimeout = TimeSpan.FromMinutes(1), PushTimeout = TimeSpan.FromMinutes(1) };

    private RingPeer PeerOf(IPeerTransport transport, string? address = null) =>
        new(new Member("b", address ?? Address, "", MemberState.Active, MemberRoles.Holder), transport, Options(_secret), Log.Null,
            TimeProvider.System);

    private async Task<Server> ServeAsync(bool isBelowKestrel = true)
    {
        var metrics = new MetricRegistry();
        var ring = RingNode.Start(new RingOptions { InstanceId = "b", Address = Address, Peers = Options(_secret) }, metrics, Log.Null,
            TimeProvider.System, new Random(1));
        var memory = new RequestMemory(64 << 20);
        var endpoint = new PeerEndpoint(_node, ring, memory, new RequestMetrics(metrics), Log.Null, _time);
        var handle = endpoint.Before(static _ => Task.CompletedTask);
        var server = new Server(ring, memory);
        server.Listener = await Listener.StartAsync("grpc", new ListenAddress("127.0.0.1", _port),
            new ListenerLimits(MaxBodyBytes: null, MaxRequestLineBytes: 8192, IsHttp2Only: true) { TakesPushes = true }, HandleAsync,
            Log.Null, null, isBelowKestrel ? endpoint.Posts : null);
        return server;

        Task HandleAsync(Microsoft.AspNetCore.Http.HttpContext context)
        {
            server.CountRequest();
            return handle(context);
        }
    }

    /// <summary>Refuses each batch, and notes in which memory it was.</summary>
    private sealed class RefusingTransport : IPeerTransport, IPushWay
    {
        public List<byte[]> Batches { get; } = [];

        public IPushWay OpenPush(string name, string address) => this;

        public Task<byte[]> AskAsync(PushBatch batch, CancellationToken cancellation)
        {
            Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray<byte>(batch.Body, out var memory));
            Batches.Add(memory.Array!);
            throw new PeerException("no");
        }

        public ValueTask AskAsync(
            string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation) =>
                throw new PeerException("no");

        public void Dispose()
        {
        }
    }

    /// <summary>Answers when the test says so.</summary>
    private sealed class HeldTransport : IPeerTransport, IPushWay
    {
        public TaskCompletionSource<byte[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public PushBatch Batch { get; private set; }

        public IPushWay OpenPush(string name, string address) => this;

        public Task<byte[]> AskAsync(PushBatch batch, CancellationToken cancellation)
        {
            Batch = batch;
            return Answer.Task;
        }

        public ValueTask AskAsync(
            string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation) =>
                throw new PeerException("no");

        public void Dispose()
        {
        }
    }

    private sealed class Server(RingNode ring, RequestMemory memory) : IAsyncDisposable
    {
        private int _byKestrel;

        public Listener Listener { get; set; } = null!;

        public int ByKestrel => Volatile.Read(ref _byKestrel);

        public void CountRequest() => Interlocked.Increment(ref _byKestrel);

        public async ValueTask DisposeAsync()
        {
            await Listener.StopAsync(CancellationToken.None);
            await Listener.DisposeAsync();
            await ring.DisposeAsync();
            Assert.Equal(0, memory.InflightBytes);
            memory.Dispose();
        }
    }
}
