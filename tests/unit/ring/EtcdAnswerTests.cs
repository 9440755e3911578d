using System.Net;
using System.Net.Sockets;
using System.Text;
using Tempo.Ring.Membership.Etcd;

namespace Tempo.Ring.Tests;

/// <summary>Whoever answers in etcd's place: an answer without an end takes a bounded part of memory, and is an error.</summary>
public sealed class EtcdAnswerTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private long _sentBytes;

    public EtcdAnswerTests() => _listener.Start();

    public void Dispose() => _listener.Dispose();

    [Theory]
    [InlineData(200)]
    [InlineData(500)]
    public async Task An_answer_without_an_end_is_given_up(int status)
    {
        _ = AnswerAsync(status, "{\"header\":{\"revision\":\"1\"},\"kvs\":[{\"key\":\"");
        using var client = NewClient();
        await Assert.ThrowsAsync<EtcdException>(() => client.ListAsync("x/", TestContext.Current.CancellationToken));
        Assert.InRange(Interlocked.Read(ref _sentBytes), 0, 64 << 20); // what the sockets hold is on top of the limit
    }

    [Fact]
    public async Task A_line_of_a_watch_without_an_end_is_given_up()
    {
        _ = AnswerAsync(200, "{\"result\":{}}\n{\"result\":{\"events\":[{\"kv\":{\"key\":\"");
        using var client = NewClient();
        await Assert.ThrowsAsync<EtcdException>(() => client.WatchAsync("x/", 1, static (_, _) => Assert.Fail("no change was sent"), TestContext.Current.CancellationToken));
        Assert.InRange(Interlocked.Read(ref _sentBytes), 0, 64 << 20);
    }

    private EtcdClient NewClient() => new(new EtcdOptions { Endpoints = [_listener.LocalEndpoint.ToString()!], DialTimeout = TimeSpan.FromSeconds(30) }, TimeProvider.System);

    private async Task AnswerAsync(int status, string begin)
    {
        try
        {
            using var socket = await _listener.AcceptSocketAsync();
            _ = await socket.ReceiveAsync(new byte[4096]);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\r\n{begin}"));
            var piece = Encoding.ASCII.GetBytes(new string('A', 1 << 16));
            while (true) Interlocked.Add(ref _sentBytes, await socket.SendAsync(piece));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was given up.
        }
    }
}
