using Tempo.Engine.ObjectStore;

namespace Tempo.Compaction.Tests;

/// <summary>A store that counts the objects that are read whole.</summary>
internal sealed class CountingStore(IObjectStore inner) : IObjectStore
{
    private int _readCount;
    private int _metaCount;

    public int ReadCount => _readCount;

    public int MetaCount => _metaCount;

    public ILocalObjects? LocalObjects => inner.LocalObjects;

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.PutAsync(key, content, cancellation);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) => inner.PutAsync(key, content, sizeBytes, cancellation);

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) => inner.PutFileAsync(key, path, cancellation);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.TryPutIfAbsentAsync(key, content, cancellation);

    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        Interlocked.Increment(ref _readCount);
        if (key.LastPart == "meta.json") Interlocked.Increment(ref _metaCount);
        return inner.TryGetAsync(key, maxSizeBytes, cancellation);
    }

    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) => inner.GetRangeAsync(key, offset, destination, cancellation);

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) => inner.TryGetInfoAsync(key, cancellation);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) => inner.ListAsync(folder, scope, cancellation);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);
}
