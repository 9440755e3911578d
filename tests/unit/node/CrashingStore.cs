using Tempo.Engine.ObjectStore;

namespace Tempo.Node.Tests;

/// <summary>
/// A store whose process dies at one call: that call does, or does not do, its work, and throws; all later ones throw. Counted are all
/// calls, or only those that change something: a process that ends while it reads leaves what the change before left.
/// </summary>
internal sealed class CrashingStore(IObjectStore inner, bool afterTheWork) : IObjectStore
{
    private int _calls;
    private int _crashAt = int.MaxValue;
    private bool _countsReads = true;

    public bool HasCrashed => _calls >= _crashAt;

    /// <summary>The process dies at call number <paramref name="call"/> from here on.</summary>
    public void CrashAt(int call) => (_calls, _crashAt, _countsReads) = (0, call, true);

    /// <summary>The process dies at change number <paramref name="change"/> from here on.</summary>
    public void CrashAtChange(int change) => (_calls, _crashAt, _countsReads) = (0, change, false);

    public ILocalObjects? LocalObjects { get; set; } = inner.LocalObjects;

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutAsync(key, content, cancellation));

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutAsync(key, content, sizeBytes, cancellation));

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.PutFileAsync(key, path, cancellation));

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        DoAsync(key, () => inner.TryPutIfAbsentAsync(key, content, cancellation));

    public ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            DoAsync(key, () => inner.TryReplaceAsync(key, expected, content, cancellation));

    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) =>
        ReadAsync(key, () => inner.TryGetAsync(key, maxSizeBytes, cancellation));

    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
        ReadAsync(key, () => inner.GetRangeAsync(key, offset, destination, cancellation));

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) =>
        ReadAsync(key, () => inner.TryGetInfoAsync(key, cancellation));

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default)
    {
        if (_countsReads) _calls++;
        if (HasCrashed) throw Crash(folder);
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

    private ValueTask<T> ReadAsync<T>(ObjectKey key, Func<ValueTask<T>> work) =>
        _countsReads ? DoAsync(key, work) : HasCrashed ? throw Crash(key) : work();

    private static ObjectStoreException Crash(ObjectKey key) => new(ObjectStoreError.Failed, key, "the process is gone");
}
