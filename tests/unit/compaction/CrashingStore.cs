using Tempo.Engine.ObjectStore;

namespace Tempo.Compaction.Tests;

/// <summary>
/// A store whose process dies at one call: that call does, or does not do, its work, and throws; all later ones throw.
/// </summary>
internal sealed class CrashingStore(IObjectStore inner, bool afterTheWork) : IObjectStore
{
    private int _calls;
    private int _crashAt = int.MaxValue;

    public bool HasCrashed => _calls >= _crashAt;

    /// <summary>The process dies at call number <paramref name="call"/> from here on.</summary>
    public void CrashAt(int call) => (_calls, _crashAt) = (0, call);

    public ILocalObjects? LocalObjects { get; set; } = inner.LocalObjects;

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutAsync(key, content, cancellation));

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutAsync(key, content, sizeBytes, cancellation));

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutFileAsync(key, path, cancellation));

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.TryPutIfAbsentAsync(key, content, cancellation));

    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.TryGetAsync(key, maxSizeBytes, cancellation));

    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.GetRangeAsync(key, offset, destination, cancellation));

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.TryGetInfoAsync(key, cancellation));

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default)
    {
        if (++_calls >= _crashAt) throw Crash(folder);
        return inner.ListAsync(folder, scope, cancellation);
    }

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.DeleteAsync(key, cancellation));

    private async ValueTask DoAsync(ObjectKey key, Func<ValueTask> work)
    {
        await DoAsync(key, async () =>
        {
            await work();
            return true;
        });
    }

    private async ValueTask<T> DoAsync<T>(ObjectKey key, Func<ValueTask<T>> work)
    {
        var call = ++_calls;
        if (call > _crashAt || (call == _crashAt && !afterTheWork)) throw Crash(key);
        var result = await work();
        return call == _crashAt ? throw Crash(key) : result;
    }

    private static ObjectStoreException Crash(ObjectKey key) => new(ObjectStoreError.Failed, key, "the process is gone");
}
