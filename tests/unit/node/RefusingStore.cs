using Tempo.Engine.ObjectStore;

namespace Tempo.Node.Tests;

/// <summary>A store that refuses every call for objects whose key the test names, and does all others.</summary>
internal sealed class RefusingStore(IObjectStore inner) : IObjectStore
{
    /// <summary>Which keys; none at first.</summary>
    public Func<string, bool> Refuses { get; set; } = static _ => false;

    /// <summary>Calls that were refused.</summary>
    public int RefusedCount { get; private set; }

    public ILocalObjects? LocalObjects => inner.LocalObjects;

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        Checked(key).PutAsync(key, content, cancellation);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        Checked(key).PutAsync(key, content, sizeBytes, cancellation);

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) =>
        Checked(key).PutFileAsync(key, path, cancellation);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        Checked(key).TryPutIfAbsentAsync(key, content, cancellation);

    public ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            Checked(key).TryReplaceAsync(key, expected, content, cancellation);

    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) =>
        Checked(key).TryGetAsync(key, maxSizeBytes, cancellation);

    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
        Checked(key).GetRangeAsync(key, offset, destination, cancellation);

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) =>
        Checked(key).TryGetInfoAsync(key, cancellation);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
        Checked(folder).ListAsync(folder, scope, cancellation);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => Checked(key).DeleteAsync(key, cancellation);

    private IObjectStore Checked(ObjectKey key)
    {
        if (!Refuses(key.ToString())) return inner;
        RefusedCount++;
        throw new ObjectStoreException(ObjectStoreError.AccessDenied, key, "refused by the test");
    }
}
