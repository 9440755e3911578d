using Tempo.Engine.ObjectStore;

namespace Tempo.Compaction.Tests;

/// <summary>A store in which a block's data is held up at the door until the test lets it in.</summary>
internal sealed class HoldingStore(IObjectStore inner) : IObjectStore, IDisposable
{
    private readonly SemaphoreSlim _door = new(0);
    private readonly SemaphoreSlim _arrivals = new(0);

    /// <summary>Blocks that wait at the door.</summary>
    public int Waiting { get; private set; }

    /// <summary>Data that comes to the door while this is set fails there.</summary>
    public bool Fails { get; set; }

    public ILocalObjects? LocalObjects => inner.LocalObjects;

    public async Task ArrivalsAsync(int count)
    {
        while (count-- > 0) Assert.True(await _arrivals.WaitAsync(TimeSpan.FromSeconds(60)), "no block came");
    }

    /// <summary>Whether a block comes within that time. Only for saying that none does: one that comes later is missed, never invented.</summary>
    public Task<bool> HasArrivalAsync(TimeSpan within) => _arrivals.WaitAsync(within);

    public void Dispose()
    {
        _door.Dispose();
        _arrivals.Dispose();
    }

    public void Open(int count) => _door.Release(count);

    public async ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
    {
        if (!key.ToString().EndsWith("data.parquet", StringComparison.Ordinal))
        {
            await inner.PutFileAsync(key, path, cancellation);
            return;
        }

        lock (_door) Waiting++;
        _arrivals.Release();
        await _door.WaitAsync(cancellation);
        lock (_door) Waiting--;
        if (Fails) throw new ObjectStoreException(ObjectStoreError.Failed, key, "the door is shut");
        await inner.PutFileAsync(key, path, cancellation);
    }

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.PutAsync(key, content, cancellation);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) => inner.PutAsync(key, content, sizeBytes, cancellation);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.TryPutIfAbsentAsync(key, content, cancellation);

    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) => inner.TryGetAsync(key, maxSizeBytes, cancellation);

    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) => inner.GetRangeAsync(key, offset, destination, cancellation);

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) => inner.TryGetInfoAsync(key, cancellation);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) => inner.ListAsync(folder, scope, cancellation);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);
}
