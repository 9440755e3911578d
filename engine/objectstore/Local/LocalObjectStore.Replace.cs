using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <content>
/// Replacing on condition: look and put, under a lock that all processes of this store ask for. A file system can compare nothing
/// by itself.
/// </content>
public sealed partial class LocalObjectStore
{
    // In the root, and never removed: a lock on a file that is gone locks nobody out.
    private const string ReplaceLockName = ObjectKey.ReservedPartPrefix + "lock";

    // A replacement takes some milliseconds of fsync.
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public async ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        if (expected.IsEmpty) throw new ArgumentException("An empty object cannot be replaced on condition.", nameof(expected));
        cancellation.ThrowIfCancellationRequested();
        using var hold = await LockAsync(key, cancellation).ConfigureAwait(false);
        return Has(key, expected.Span) && Put(key, content.Span, onlyIfAbsent: false, cancellation);
    }

    // Against everybody, in this process and in others. It is polled for, since it is rarely held and then for milliseconds.
    private async ValueTask<IDisposable?> LockAsync(ObjectKey key, CancellationToken cancellation)
    {
        for (var waited = TimeSpan.Zero; ; waited += LookAgainAfter)
        {
            var error = _disk.TryLock($"{_root}/{ReplaceLockName}", out var hold);
            if (error == DiskError.None) return hold;
            if (error != DiskError.Busy || waited >= LongestWait) Check(error, key, "lock of the store");
#pragma warning disable RS0030 // the lock may be another process's, whose time is the machine's
            await Task.Delay(LookAgainAfter, TimeProvider.System, cancellation).ConfigureAwait(false);
#pragma warning restore RS0030
        }
    }

    private bool Has(ObjectKey key, ReadOnlySpan<byte> expected)
    {
        using var file = TryOpen(key);
        if (file is null || file.SizeBytes != expected.Length) return false;
        var content = new byte[expected.Length];
        return file.Read(0, content) == content.Length && content.AsSpan().SequenceEqual(expected);
    }
}
