using System.Buffers;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Tempo.Host.Startup;
using Xunit;

namespace Tempo.Host.Tests.Startup;

public class TransportTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("P", null)]
    [InlineData("PR", null)]
    [InlineData("PRI", HttpProtocols.Http2)]
    [InlineData("PRI * HTTP/2.0", HttpProtocols.Http2)]
    [InlineData("POST", HttpProtocols.Http1)]
    [InlineData("PROPFIND", HttpProtocols.Http1)]
    [InlineData("G", HttpProtocols.Http1)]
    public void AProtocolShowsInThreeBytes(string start, HttpProtocols? expected) =>
        Assert.Equal(expected, SharedListener.Recognise(new ReadOnlySequence<byte>(System.Text.Encoding.ASCII.GetBytes(start))));

    [Fact]
    public void ABlockComesBackOnceHoweverOftenItIsDisposed()
    {
        using var pool = new LargeBlockPool();
        var first = pool.Rent();
        first.Dispose();
        first.Dispose();
        var second = pool.Rent();
        var third = pool.Rent();
        Assert.Same(first, second);
        Assert.NotSame(second, third);
        Assert.Equal(LargeBlockPool.BlockBytes, third.Memory.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(LargeBlockPool.BlockBytes + 1));
    }
}
