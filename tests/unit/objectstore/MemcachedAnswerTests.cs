using System.Net;
using System.Net.Sockets;
using System.Text;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>Whatever the other side of memcached's port says, it is a miss. What a real one says: tests/system/Stores.</summary>
public sealed class MemcachedAnswerTests : IDisposable
{
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(5);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private int _connections;

    public MemcachedAnswerTests() => _listener.Start();

    public void Dispose() => _listener.Stop();

    [Theory]
    [InlineData("")]
    [InlineData("ERROR\r\n")]
    [InlineData("VALUE other 0 2\r\nab\r\nEND\r\n")]
    [InlineData("VALUE k 0 99999999999999\r\n")]
    [InlineData("VALUE k 0 2000000000\r\n")]
    [InlineData("VALUE k 0 -1\r\n")]
    [InlineData("VALUE k 0 2\r\nabc\r\nEND\r\n")]
    [InlineData("VALUE k 0 2\r\nab\r\nEND\r\n")] // no envelope of ours
    [InlineData("VALUE k 0 20\r\nab")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    public async Task Anything_else_than_what_was_put_is_a_miss(string answer)
    {
        _ = AnswerAsync(answer, thenClose: true);
        await using var cache = Cache(TimeSpan.FromSeconds(10), breakAfter: 100);
        Assert.Null(await cache.TryGetAsync("k", default));
    }

    [Fact]
    public async Task A_line_without_an_end_is_given_up()
    {
        _ = AnswerAsync(new string('x', 10_000), thenClose: false);
        await using var cache = Cache(TimeSpan.FromSeconds(60), breakAfter: 100);
        Assert.Null(await cache.TryGetAsync("k", default));
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_left_alone_after_some_requests()
    {
        _ = AnswerAsync("", thenClose: false);
        await using var cache = Cache(TimeSpan.FromMilliseconds(20), breakAfter: 3);
        for (var i = 0; i < 20; i++) Assert.Null(await cache.TryGetAsync("k", default));
        Assert.InRange(_connections, 0, 3);
    }

    [Fact]
    public async Task A_connection_that_the_server_closed_while_it_lay_there_is_no_failure_of_the_server()
    {
        _ = AnswerAsync("END\r\n", thenClose: true);
        await using var cache = Cache(TimeSpan.FromSeconds(60), breakAfter: 1);
        for (var i = 0; i < 5; i++) Assert.Null(await cache.TryGetAsync("k", default));
        Assert.Equal(5, _connections);
    }

    [Fact]
    public async Task A_request_that_is_let_through_and_given_up_lets_the_next_one_through()
    {
        _ = AnswerAsync("ERROR\r\n", thenClose: true);
        var time = new SteppedTime(0);
        await using var cache = Cache(TimeSpan.FromSeconds(60), breakAfter: 1, time);
        await cache.TryGetAsync("k", default);
        time.Advance(Rest);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cache.TryGetAsync("k", new CancellationToken(true)));
        Assert.Equal(1, _connections);
        await cache.TryGetAsync("k", default);
        Assert.Equal(2, _connections);
        await cache.TryGetAsync("k", default);
        Assert.Equal(2, _connections);
    }

    private MemcachedPartCache Cache(TimeSpan timeout, int breakAfter, TimeProvider? time = null) => new(
        new MemcachedOptions
        {
            Addresses = [_listener.LocalEndpoint.ToString()!],
            Timeout = timeout,
            BreakAfterFailures = breakAfter,
            RestTime = Rest,
            UpdateInterval = TimeSpan.FromHours(1),
        }, time ?? TimeProvider.System);

    private async Task AnswerAsync(string answer, bool thenClose)
    {
        var open = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _connections);
                open.Add(client);
                var request = new byte[100];
                if (await client.GetStream().ReadAsync(request) == 0) continue;
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
                if (thenClose) client.Client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            foreach (var client in open) client.Dispose();
        }
    }
}
