using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Config;
using Tempo.Host.Edge;
using Tempo.Host.Receivers;
using Tempo.Host.Startup;
using Tempo.Host.Telemetry;
using Tempo.Host.Tenancy;
using Tempo.Ring;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Edge;

/// <summary>A port with plain posts below Kestrel, over real sockets.</summary>
public sealed class EdgeListenerTests : IAsyncLifetime
{
    private const int MostConnections = 300;

    private readonly int _port = LoopbackPort.Free();
    private readonly ShiftedTime _time = new();
    private readonly MetricRegistry _metrics = new();
    private readonly RequestMemory _memory = new(1 << 20);
    private readonly ConcurrentQueue<(string Tenant, string Body)> _stored = new();
    private readonly AdmissionLine _line;
    private Func<string, Task<IngestOutcome>> _answer = static _ => Task.FromResult(new IngestOutcome(IngestStatus.Accepted, 1, 0, ""));
    private IngestRoom _room = IngestRoom.Open;
    private int _byKestrel;
    private Listener? _listener;

    public EdgeListenerTests() => _line = new AdmissionLine(() => _room, 2, _time);

    public async ValueTask InitializeAsync()
    {
        var router = new IngestRouter((tenant, request) =>
        {
            var body = Encoding.UTF8.GetString(request.Written);
            _stored.Enqueue((tenant.Value, body));
            return new ValueTask<IngestOutcome>(_answer(body));
        });
        var ingest = new OtlpIngest(router, new TenantResolver(isMultitenancyEnabled: true), _line, _metrics, "otlp", "http");
        var requests = new RequestMetrics(_metrics);
        var receiver = new OtlpHttpReceiver(ingest, new HttpBody(_memory, 1 << 20, _time), requests, _time);
        var posts = new OtlpPosts(ingest, _memory, 1 << 20, "/v1/traces", requests, Log.Null, _time) { MaxConnections = MostConnections };
        var limits = new ListenerLimits(MaxBodyBytes: null, MaxRequestLineBytes: 8192, IsHttp2Only: false);
        _listener =
            await Listener.StartAsync("otlp_http", new ListenAddress("127.0.0.1", _port), limits, HandleAsync, Log.Null, null, posts);

        Task HandleAsync(HttpContext context)
        {
            Interlocked.Increment(ref _byKestrel);
            return receiver.HandleAsync(context);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener!.StopAsync(CancellationToken.None);
        await _listener.DisposeAsync();
        _line.Dispose();
        Assert.Equal(0, _memory.InflightBytes);
        _memory.Dispose();
    }

    [Fact]
    public async Task PlainPostsNeverReachKestrel()
    {
        using var client = await Client.ConnectAsync(_port);
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync(Post($"body {i}"));
            Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(static i => ("a", $"body {i}")), _stored);
        Assert.Equal(0, _byKestrel);
        Assert.Contains("tempo_request_duration_seconds_count{method=\"POST\",route=\"v1_traces\",status_code=\"200\",ws=\"false\"} 20",
            Text(_metrics));
    }

    // Whatever comes first or last of it.
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public async Task PiecesArePutTogether(int pieceBytes)
    {
        using var client = await Client.ConnectAsync(_port);
        var body = new string('b', 300);
        foreach (var piece in Encoding.ASCII.GetBytes(Post(body)).Chunk(pieceBytes)) await client.SendAsync(piece);
        Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        Assert.Equal([("a", body)], _stored);
        Assert.Equal(0, _byKestrel);
    }

    [Fact]
    public async Task WhatFollowsAPlainPostIsKestrelsWithAllItsBytes()
    {
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(
            Post("one") + Post("two") + Post("three", "Expect: 100-continue") + Post("four") + "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        foreach (var expected in (string[])["200 OK", "200 OK", "200 OK", "200 OK", "404 Not Found"])
            Assert.Equal("HTTP/1.1 " + expected, (await client.ReadAsync()).Status);
        Assert.Equal(["one", "two", "three", "four"], _stored.Select(static request => request.Body));
        Assert.Equal(3, _byKestrel);
    }

    [Theory]
    [InlineData(IngestStatus.Accepted, "")]
    [InlineData(IngestStatus.Accepted, "something was cut")]
    [InlineData(IngestStatus.Invalid, "not a request")]
    [InlineData(IngestStatus.TooLarge, "too much")]
    [InlineData(IngestStatus.RateLimited, "too fast")]
    [InlineData(IngestStatus.Overloaded, "later")]
    public async Task BothWaysAnswerTheSame(IngestStatus status, string message)
    {
        _answer = _ => Task.FromResult(new IngestOutcome(status, 0, message.Length, message) { RetryAfter = TimeSpan.FromSeconds(7.2) });
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("x"));
        var ours = await client.ReadAsync();
        Assert.Equal(0, _byKestrel);
        await client.SendAsync(Post("x", "Content-Encoding: identity"));
        var kestrels = await client.ReadAsync();
        Assert.Equal(1, _byKestrel);
        Assert.Equal(kestrels.Status, ours.Status);
        Assert.Equal(kestrels.Headers, ours.Headers);
        Assert.Equal(kestrels.Body, ours.Body);
    }

    // Found in a heap of 192 MiB: the text of the fault found no memory either, and the sender waited for ever.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhereThereIsNoMemoryEvenForTheLogTheSenderIsAnswered(bool isAtOnce)
    {
        _answer = async _ =>
        {
            if (!isAtOnce) await Task.Yield();
            throw new UntellableException();
        };
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("x"));
        Assert.Equal("HTTP/1.1 503 Service Unavailable",
            (await client.ReadAsync().WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).Status);
    }

    private sealed class UntellableException : OutOfMemoryException
    {
        public override string ToString() => throw this;
    }

    [Fact]
    public async Task WhoIsRefusedUnreadHearsAtOnceAndMayGoOn()
    {
        using var client = await Client.ConnectAsync(_port);
        _room = new IngestRoom("full", 0, 0, IsClosed: true);
        var post = Post(new string('x', 100_000));
        await client.SendAsync(post[..500]);
        var answer = await client.ReadAsync();
        Assert.Equal("HTTP/1.1 503 Service Unavailable", answer.Status);
        Assert.Contains(answer.Headers, static header => header is "Retry-After: 1" or "Retry-After: 2"); // spread over a second
        _room = IngestRoom.Open;
        await client.SendAsync(post[500..] + Post("y"));
        Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        Assert.Equal([("a", "y")], _stored);
        Assert.Equal(0, _byKestrel);
    }

    [Fact]
    public async Task WhoWasAnsweredAndDoesNotSendTheRestIsLeftWithoutASecondAnswer()
    {
        using var client = await Client.ConnectAsync(_port);
        _room = new IngestRoom("full", 0, 0, IsClosed: true);
        await client.SendAsync(Post(new string('x', 100_000))[..500]);
        Assert.Equal("HTTP/1.1 503 Service Unavailable", (await client.ReadAsync()).Status);
        Assert.Equal("closed after \"\"", (await PassAsync(TimeSpan.FromSeconds(600), client.ReadAsync())).Status);
    }

    [Fact]
    public async Task ABodyTakesMemoryAsItComes()
    {
        using var client = await Client.ConnectAsync(_port);
        var post = Post(new string('x', 100_000));
        var head = post.Length - 100_000;
        await client.SendAsync(post[..(head + 1)]);
        while (_memory.InflightBytes == 0) await Task.Delay(1, TestContext.Current.CancellationToken);
        Assert.InRange(_memory.InflightBytes, 1, 4096);
        await client.SendAsync(post[(head + 1)..]);
        Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        Assert.Equal(100_000, _stored.Single().Body.Length);
    }

    [Fact]
    public async Task WhereThereIsNoRoomTheFirstSilentConnectionIsClosedForANewOne()
    {
        using var busy = await Client.ConnectAsync(_port);
        await busy.SendAsync(Post("half")[..^2]);
        while (_memory.InflightBytes == 0) await Task.Delay(1, TestContext.Current.CancellationToken);
        var silent = new List<Client>();
        for (var i = 1; i < MostConnections; i++) silent.Add(await Client.ConnectAsync(_port));
        using var late = await Client.ConnectAsync(_port);
        await late.SendAsync(Post("late"));
        Assert.Equal("HTTP/1.1 200 OK", (await late.ReadAsync()).Status);
        await busy.SendAsync("lf");
        Assert.Equal("HTTP/1.1 200 OK", (await busy.ReadAsync()).Status);
        Assert.Equal(-1, silent[0].ReadByte());
        await silent[^1].SendAsync(Post("last"));
        Assert.Equal("HTTP/1.1 200 OK", (await silent[^1].ReadAsync()).Status);
        foreach (var client in silent) client.Dispose();
    }

    [Fact]
    public async Task ATenantThatIsNoneIsKestrelsToRefuse()
    {
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("x").Replace("X-Scope-OrgID: a", "X-Scope-OrgID: a/b"));
        Assert.Equal("HTTP/1.1 400 Bad Request", (await client.ReadAsync()).Status);
        await client.SendAsync(Post("x").Replace("X-Scope-OrgID: a\r\n", ""));
        Assert.Equal("HTTP/1.1 401 Unauthorized", (await client.ReadAsync()).Status);
        Assert.Empty(_stored);
    }

    [Fact]
    public async Task EachConnectionHasTheTenantOfEachOfItsPosts()
    {
        using var client = await Client.ConnectAsync(_port);
        foreach (var tenant in (string[])["a", "b", "b", "a"])
        {
            await client.SendAsync(Post("x").Replace("OrgID: a", "OrgID: " + tenant));
            Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        }

        Assert.Equal(["a", "b", "b", "a"], _stored.Select(static request => request.Tenant));
        Assert.Equal(0, _byKestrel);
    }

    [Theory]
    [InlineData("POST /v1/tr")]
    [InlineData("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nX-Scope-OrgID: a\r\nContent-Length: 10\r\n\r\n")]
    [InlineData("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nX-Scope-OrgID: a\r\nContent-Length: 10\r\n\r\nhalf")]
    public async Task WhoDoesNotGoOnIsToldAndLeft(string begun)
    {
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(begun);
        await SeenAsync();
        var answer = await PassAsync(TimeSpan.FromSeconds(31), client.ReadAsync());
        Assert.Equal("HTTP/1.1 408 Request Timeout", answer.Status);
        Assert.Equal(-1, client.ReadByte());
        Assert.Empty(_stored);
    }

    // What has come of a body holds memory that is everybody's.
    [Fact]
    public async Task WhatHasComeOfABodyDoesNotEarnHoursOfSilence()
    {
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("").Replace("Content-Length: 0", "Content-Length: 1000000"));
        await client.SendAsync(new byte[900_000]);
        while (_memory.InflightBytes < 900_000) await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.Equal("HTTP/1.1 408 Request Timeout", (await PassAsync(BodyPace.MaxSilence, client.ReadAsync(), most: 5)).Status);
        Assert.Equal(-1, client.ReadByte());
        Assert.Equal(0, _memory.InflightBytes);
    }

    // Else its end would be an event again and again.
    [Theory]
    [InlineData("POST /v1/tr", 0)]
    [InlineData("POST /v1/traces HTTP/1.1\r\nHost: x\r\n", 0)]
    [InlineData("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nX-Scope-OrgID: a\r\nContent-Length: 10\r\n\r\nhalf", 0)]
    [InlineData("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nX-Scope-OrgID: a\r\nContent-Length: 5\r\n\r\nwhole", 1)]
    public async Task WhoSendsNoMoreIsLeftAtOnceButForWhatIsWhole(string said, int stored)
    {
        using var client = await Client.ConnectAsync(_port);
        foreach (var piece in Encoding.ASCII.GetBytes(said).Chunk(7)) await client.SendAsync(piece);
        client.SendNoMore();
        if (stored == 1) Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
        else if (!said.EndsWith("half", StringComparison.Ordinal))
            Assert.Equal("HTTP/1.1 400 Bad Request", (await client.ReadAsync()).Status);
        while (client.ReadByte() >= 0)
        {
        }

        Assert.Equal((stored, 0), (_stored.Count, _byKestrel));
    }

    [Fact]
    public async Task WhoIsSilentIsLeft()
    {
        using var client = await Client.ConnectAsync(_port);
        using var used = await Client.ConnectAsync(_port);
        await used.SendAsync(Post("x"));
        await used.ReadAsync();
        _time.Shift(TimeSpan.FromSeconds(61));
        Assert.Equal(-1, client.ReadByte());
        await used.SendAsync(Post("x"));
        await used.ReadAsync();
        Assert.Equal("closed after \"\"", (await PassAsync(TimeSpan.FromSeconds(131), used.ReadAsync())).Status);
    }

    [Fact]
    public async Task AStopLetsPostsUnderWayFinishAndEndsTheRest()
    {
        var storing = new TaskCompletionSource<IngestOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        _answer = body => body == "slow" ? storing.Task : Task.FromResult(new IngestOutcome(IngestStatus.Accepted, 1, 0, ""));
        using var idle = await Client.ConnectAsync(_port);
        await idle.SendAsync(Post("x"));
        await idle.ReadAsync();
        using var busy = await Client.ConnectAsync(_port);
        await busy.SendAsync(Post("slow"));
        while (_stored.Count < 2) await Task.Yield();
        var stopping = _listener!.StopAsync(CancellationToken.None);
        Assert.Equal(-1, idle.ReadByte());
        Assert.False(stopping.IsCompleted);
        await Assert.ThrowsAsync<SocketException>(() => Client.ConnectAsync(_port));
        storing.SetResult(new IngestOutcome(IngestStatus.Accepted, 1, 0, ""));
        var answer = await busy.ReadAsync();
        Assert.Equal("HTTP/1.1 200 OK", answer.Status);
        Assert.Contains("Connection: close", answer.Headers);
        Assert.Equal(-1, busy.ReadByte());
        await stopping;
    }

    [Fact]
    public async Task AStopLetsAHeadThatHasBegunCome()
    {
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("x")[..20]);
        await SeenAsync();
        var stopping = _listener!.StopAsync(CancellationToken.None);
        await client.SendAsync(Post("x")[20..]);
        var answer = await client.ReadAsync();
        Assert.Equal("HTTP/1.1 200 OK", answer.Status);
        Assert.Contains("Connection: close", answer.Headers);
        Assert.Equal(-1, client.ReadByte());
        await stopping;
    }

    [Fact]
    public async Task WhatGoesWrongInsideIsAnAnswerToo()
    {
        _answer = static _ => Task.FromException<IngestOutcome>(new InvalidOperationException("planted"));
        using var client = await Client.ConnectAsync(_port);
        await client.SendAsync(Post("x"));
        Assert.Equal("HTTP/1.1 500 Internal Server Error", (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task ManyClientsAtOnceAreEachAnsweredAndThoseWhoResetAreForgotten()
    {
        const int Clients = 40, Posts = 25;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async c =>
        {
            for (var i = 0; i < Posts; i++)
            {
                using var rude = await Client.ConnectAsync(_port);
                await rude.SendAsync(Post(new string('r', 1000))[..(i * 40 + 1)]);
                rude.Reset();
            }

            using var client = await Client.ConnectAsync(_port);
            for (var i = 0; i < Posts; i++)
            {
                await client.SendAsync(Post($"{c}/{i}"));
                Assert.Equal("HTTP/1.1 200 OK", (await client.ReadAsync()).Status);
            }
        }));
        var expected = Enumerable.Range(0, Clients).SelectMany(static c => Enumerable.Range(0, Posts).Select(i => $"{c}/{i}")).Order();
        Assert.Equal(expected, _stored.Select(static request => request.Body).Where(static body => body.Contains('/')).Order());
    }

    // Its deadline at the connection's begin, and another once bytes of the only connection have been looked at.
    private async Task SeenAsync()
    {
        while (_time.LooksOfTheEdge < 2) await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    // The clock moves again if it was moved before the listener had looked at it, which depends on who runs first.
    private async Task<Answer> PassAsync(TimeSpan time, Task<Answer> reading, int most = int.MaxValue)
    {
        for (var passed = 0; passed < most && !reading.IsCompleted; passed++)
        {
            _time.Shift(time);
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken));
        }

        return await reading;
    }

    private static string Post(string body, string header = "User-Agent: x") =>
        $"POST /v1/traces HTTP/1.1\r\nHost: x\r\n{header}\r\nX-Scope-OrgID: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    private static string Text(MetricRegistry metrics)
    {
        var text = new ArrayBufferWriter<byte>();
        metrics.WriteTo(text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>The system's clock, some time ahead.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        private long _ahead;

        private int _looksOfTheEdge;

        /// <summary>How often a thread of the listener has asked.</summary>
        public int LooksOfTheEdge => Volatile.Read(ref _looksOfTheEdge);

        public override long GetTimestamp()
        {
            if (Thread.CurrentThread.Name?.StartsWith("edge-", StringComparison.Ordinal) == true)
                Interlocked.Increment(ref _looksOfTheEdge);
            return base.GetTimestamp() + Volatile.Read(ref _ahead);
        }

        public void Shift(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));
    }

    private sealed record Answer(string Status, string[] Headers, string Body);

    private sealed class Client(Socket socket) : IDisposable
    {
        private readonly NetworkStream _stream = new(socket) { ReadTimeout = 30_000 };

        public static async Task<Client> ConnectAsync(int port)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync("127.0.0.1", port);
            return new Client(socket);
        }

        public Task SendAsync(string text) => SendAsync(Encoding.ASCII.GetBytes(text));

        public Task SendAsync(byte[] bytes) => socket.SendAsync(bytes);

        public void SendNoMore() => socket.Shutdown(SocketShutdown.Send);

        public void Reset()
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
        }

        // -1: the server has closed it, and not by a reset.
        public int ReadByte() => _stream.ReadByte();

        // Headers in the order of their names, without the date.
        public Task<Answer> ReadAsync() => Task.Factory.StartNew(() =>
        {
            var head = new StringBuilder();
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                var next = ReadByte();
                if (next < 0) return new Answer($"closed after \"{head}\"", [], "");
                head.Append((char)next);
            }

            var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
            var length = lines.FirstOrDefault(static line => line.StartsWith("Content-Length: ", StringComparison.Ordinal)) is { } header
                ? int.Parse(header[16..], System.Globalization.CultureInfo.InvariantCulture)
                : 0;
            var body = new byte[length];
            _stream.ReadExactly(body);
            return new Answer(lines[0], [.. lines[1..].Where(static line => !line.StartsWith("Date: ", StringComparison.Ordinal)).Order()],
                Encoding.Latin1.GetString(body));
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public void Dispose() => _stream.Dispose();
    }
}
