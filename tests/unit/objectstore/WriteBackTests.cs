using System.Threading.Channels;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>Whatever a cache does, what is offered after it is written.</summary>
public sealed class WriteBackTests
{
    [Fact]
    public async Task A_put_that_throws_costs_its_part_and_no_writer()
    {
        await using var cache = new ThrowingOnceCache();
        await using (var writeBack = new WriteBack(new WriteBackOptions { Writers = 1 }, new CacheMetrics(new MetricRegistry())))
        {
            writeBack.Offer(cache, "first", new byte[1]);
            writeBack.Offer(cache, "second", new byte[1]);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            Assert.Equal("second", await cache.Written.ReadAsync(limit.Token));
        }
    }

    private sealed class ThrowingOnceCache : IPartCache
    {
        private readonly Channel<string> _written = Channel.CreateUnbounded<string>();
        private bool _hasThrown;

        public ChannelReader<string> Written => _written.Reader;

        public string Name => "throwing";

        public ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation) => default;

        public ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            if (!_hasThrown && (_hasThrown = true)) throw new InvalidDataException("once");
            return _written.Writer.WriteAsync(name, cancellation);
        }

        public ValueTask DisposeAsync() => default;
    }
}
