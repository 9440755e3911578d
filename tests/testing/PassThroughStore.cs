using Tempo.Engine.ObjectStore;

namespace Tempo.Testing;

/// <summary>A store that hands every call on to another one; tests override the calls that they count, fail or hold up.</summary>
public abstract class PassThroughStore(IObjectStore inner) : IObjectStore
{
    public virtual ILocalObjects? LocalObjects => inner.LocalObjects;

    public virtual ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        inner.PutAsync(key, content, cancellation);

    public virtual ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        inner.PutAsync(key, content, sizeBytes, cancellation);

    public virtual ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) =>
        inner.PutFileAsync(key, path, cancellation);

    public virtual ValueTask<bool> TryPutIfAbsentAsync(
        ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            inner.TryPutIfAbsentAsync(key, content, cancellation);

    public virtual ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            inner.TryReplaceAsync(key, expected, content, cancellation);

    public virtual ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) =>
        inner.TryGetAsync(key, maxSizeBytes, cancellation);

    public virtual ValueTask<int> GetRangeAsync(
        ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
            inner.GetRangeAsync(key, offset, destination, cancellation);

    public virtual ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
        ObjectKey key, long offset, int count, CancellationToken cancellation = default) =>
            inner.GetChunksAsync(key, offset, count, cancellation);

    public virtual ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) =>
        inner.TryGetInfoAsync(key, cancellation);

    public virtual IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
        inner.ListAsync(folder, scope, cancellation);

    public virtual ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);
}
