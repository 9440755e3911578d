using Tempo.Ring.Membership.Etcd;
using Tempo.Testing;

namespace Tempo.Ring.Tests;

/// <summary>Whoever answers in etcd's place: an answer without an end takes a bounded part of memory, and is an error.</summary>
public sealed class EtcdAnswerTests
{
    private const long MostBytes = 64L << 20; // what the sockets hold is on top of the limit

    [Theory]
    [InlineData(200)]
    [InlineData(500)]
    public async Task An_answer_without_an_end_is_given_up(int status)
    {
        using var server = EndlessServer.OfBodies(status, "{\"header\":{\"revision\":\"1\"},\"kvs\":[{\"key\":\"");
        using var client = NewClient(server);
        await Assert.ThrowsAsync<EtcdException>(() => client.ListAsync("x/", TestContext.Current.CancellationToken));
        Assert.InRange(server.SentBytes, 0, MostBytes);
    }

    [Fact]
    public async Task A_line_of_a_watch_without_an_end_is_given_up()
    {
        using var server = EndlessServer.OfBodies(200, "{\"result\":{}}\n{\"result\":{\"events\":[{\"kv\":{\"key\":\"");
        using var client = NewClient(server);
        await Assert.ThrowsAsync<EtcdException>(
            () => client.WatchAsync("x/", 1, static (_, _) => Assert.Fail("no change was sent"), TestContext.Current.CancellationToken));
        Assert.InRange(server.SentBytes, 0, MostBytes);
    }

    private static EtcdClient NewClient(EndlessServer server) =>
        new(new EtcdOptions { Endpoints = [server.Address], DialTimeout = TimeSpan.FromSeconds(30) }, TimeProvider.System);
}
