using Tempo.Engine.ObjectStore;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>A store in which a block's data is held up at the door until the test lets it in.</summary>
internal sealed class HoldingStore(IObjectStore inner) : PassThroughStore(inner), IDisposable
{
    private readonly SemaphoreSlim _door = new(0);
    private readonly SemaphoreSlim _arrivals = new(0);

    /// <summary>Blocks that wait at the door.</summary>
    public int Waiting { get; private set; }

    /// <summary>Data that comes to the door while this is set fails there.</summary>
    public bool Fails { get; set; }

    public async Task ArrivalsAsync(int count)
    {
        while (count-- > 0) Assert.True(await _arrivals.WaitAsync(TimeSpan.FromSeconds(60)), "no block came");
    }

    /// <summary>
    /// Whether a block comes within that time. Only for saying that none does: one that comes later is missed, never invented.
    /// </summary>
    public Task<bool> HasArrivalAsync(TimeSpan within) => _arrivals.WaitAsync(within);

    public void Dispose()
    {
        _door.Dispose();
        _arrivals.Dispose();
    }

    public void Open(int count) => _door.Release(count);

    public override async ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
    {
        if (!key.ToString().EndsWith("data.parquet", StringComparison.Ordinal))
        {
            await base.PutFileAsync(key, path, cancellation);
            return;
        }

        lock (_door) Waiting++;
        _arrivals.Release();
        await _door.WaitAsync(cancellation);
        lock (_door) Waiting--;
        if (Fails) throw new ObjectStoreException(ObjectStoreError.Failed, key, "the door is shut");
        await base.PutFileAsync(key, path, cancellation);
    }
}
