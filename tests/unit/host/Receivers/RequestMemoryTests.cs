using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

/// <summary><see cref="RequestMemory"/>: what is kept of a request's memory for the next one.</summary>
public sealed class RequestMemoryTests
{
    private const int AccountBytes = 256 << 20;

    [Theory]
    [InlineData(100_000)]
    [InlineData(5 << 20)] // 8,192 spans
    public void A_body_leaves_its_memory_to_the_next_one(int bytes)
    {
        using var memory = new RequestMemory(AccountBytes);
        Use(memory, bytes);
        using var next = memory.Rent();
        Assert.True(next.Buffer.Capacity >= bytes);
    }

    [Fact]
    public void The_largest_bodies_are_given_back()
    {
        using var memory = new RequestMemory(AccountBytes);
        Use(memory, 20 << 20);
        using var next = memory.Rent();
        Assert.Equal(0, next.Buffer.Capacity);
    }

    [Fact]
    public void An_eighth_of_the_account_is_kept_at_the_most()
    {
        using var memory = new RequestMemory(AccountBytes);
        var bodies = Enumerable.Range(0, 20).Select(_ => memory.Rent()).ToArray();
        foreach (var body in bodies) Assert.True(body.TryAppend(new byte[5 << 20]));
        foreach (var body in bodies) body.Dispose();
        var next = Enumerable.Range(0, 20).Select(_ => memory.Rent()).ToArray();
        Assert.InRange(memory.InflightBytes, 5 << 20, AccountBytes / 8);
        foreach (var body in next) body.Dispose();
        Assert.Equal(0, memory.InflightBytes);
    }

    private static void Use(RequestMemory memory, int bytes)
    {
        using var body = memory.Rent();
        Assert.True(body.TryAppend(new byte[bytes]));
    }
}
