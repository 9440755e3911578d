using System.Threading.Channels;

namespace Tempo.Engine.ObjectStore;

/// <summary>Tempo's <c>cache.background</c>.</summary>
public sealed record WriteBackOptions
{
    /// <summary>Parts that are written to caches at once.</summary>
    public int Writers { get; init; } = 10;

    /// <summary>Parts that may wait for it. Those that find no place are not written.</summary>
    public int Buffer { get; init; } = 10_000;

    /// <summary>Bytes that may wait for it.</summary>
    public long BufferBytes { get; init; } = 32 << 20;
}

/// <summary>Writes to caches behind the backs of those who read. Thread safe.</summary>
internal sealed class WriteBack : IAsyncDisposable
{
    private readonly Channel<(IPartCache Cache, string Name, ReadOnlyMemory<byte> Content)> _waiting;
    private readonly CancellationTokenSource _stop = new();
    private readonly WriteBackOptions _options;
    private readonly CacheMetrics _metrics;
    private readonly Task[] _writers;
    private long _waitingBytes;

    public WriteBack(WriteBackOptions options, CacheMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _waiting = Channel.CreateBounded<(IPartCache, string, ReadOnlyMemory<byte>)>(options.Buffer);
        _writers = [.. Enumerable.Range(0, options.Writers).Select(_ => WriteAsync())];
    }

    /// <summary>The content is not changed any more, by anyone.</summary>
    public void Offer(IPartCache cache, string name, ReadOnlyMemory<byte> content)
    {
        if (Interlocked.Add(ref _waitingBytes, content.Length) <= _options.BufferBytes && _waiting.Writer.TryWrite((cache, name, content)))
            return;
        Interlocked.Add(ref _waitingBytes, -content.Length);
        _metrics.CountDropped(cache);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_writers).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (var (cache, name, content) in _waiting.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                Interlocked.Add(ref _waitingBytes, -content.Length);
                try
                {
                    await cache.PutAsync(name, content, _stop.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (e is not OperationCanceledException || !_stop.IsCancellationRequested)
                {
                    // No cache should throw, memory may run out: that costs this part, and not a writer of all that come.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped; what waits need not be written.
        }
    }
}
