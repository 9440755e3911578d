using System.Buffers;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Objects as files under a root folder of a disk, laid out as Tempo's local backend does it: the key is the path.
/// Every call but a put from a stream does its work on the calling thread and returns a completed task.
/// Folders come with the first object in them and go with the last.
/// </summary>
public sealed partial class LocalObjectStore : IObjectStore, ILocalObjects
{
    private const int CopyBufferBytes = 256 * 1024;

    private readonly IDisk _disk;
    private readonly string _root;

    // Held while a folder is made and gets its first file, and while empty folders are removed: a folder must not go between
    // the two. Other processes can still do that, and then a put fails and is repeated.
    private readonly Lock _folders = new();

    private LocalObjectStore(IDisk disk, string root) => (_disk, _root) = (disk, root);

    /// <inheritdoc/>
    public ILocalObjects LocalObjects => this;

    /// <inheritdoc/>
    public DiskSpace? Space =>
        _disk.TryGetSpace(_root, out var total, out var available) == DiskError.None ? new DiskSpace(total, available) : null;

    /// <summary>
    /// Opens (and if need be makes) the store under <paramref name="root"/>.
    /// </summary>
    /// <param name="root">Path of the root folder.</param>
    /// <param name="sweep">
    /// Whether to remove what puts cut off by a crash have left. It walks all folders, so a reader or a command line tool says
    /// false. Puts of living processes are left alone.
    /// </param>
    /// <exception cref="ObjectStoreException">The root cannot be made or read.</exception>
    public static LocalObjectStore Open(string root, bool sweep = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        return Open(PosixDisk.FileSystem, Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)), sweep);
    }

    /// <summary>The same with a root on a disk; files that are handed over are on that disk, too.</summary>
    public static LocalObjectStore Open(IDisk disk, string root, bool sweep = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        var store = new LocalObjectStore(disk, root);
        var error = disk.TryCreateFolder(root);
        if (error == DiskError.None && sweep) error = store.Sweep(root);
        return error == DiskError.None
            ? store
            : throw new ObjectStoreException(Classify(error), ObjectKey.Root, $"cannot open the store at {root}: {error}");
    }

    /// <inheritdoc/>
    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        Put(key, content.Span, onlyIfAbsent: false, cancellation);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        ValueTask.FromResult(Put(key, content.Span, onlyIfAbsent: true, cancellation));

    /// <inheritdoc/>
    public async ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        cancellation.ThrowIfCancellationRequested();
        using var pending = Begin(key);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(sizeBytes, CopyBufferBytes));
        try
        {
            for (long written = 0; written < sizeBytes;)
            {
                var wanted = (int)Math.Min(buffer.Length, sizeBytes - written);
                var count = await content.ReadAsync(buffer.AsMemory(0, wanted), cancellation).ConfigureAwait(false);
                if (count == 0)
                    throw new ObjectStoreException(ObjectStoreError.Failed, key, $"the stream ended after {written} of {sizeBytes} bytes");
                pending.Write(buffer.AsSpan(0, count), written);
                written += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        pending.Publish(FolderOf(key), PathOf(key), onlyIfAbsent: false);
    }

    /// <inheritdoc/>
    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        Check(_disk.TryOpen(path, writable: false, out var source), key, $"open of {path}");
        using (source)
        {
            Check(source!.Sync(), key, $"fsync of {path}");
            if (!TryMove(key, path)) Copy(key, source, path);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        using var file = TryOpen(key);
        if (file == null) return ValueTask.FromResult<byte[]?>(null);
        if (file.SizeBytes > maxSizeBytes)
            throw new ObjectStoreException(ObjectStoreError.TooLarge, key, $"has {file.SizeBytes} bytes; at most {maxSizeBytes} are read");

        var content = new byte[file.SizeBytes];
        var count = file.Read(0, content);
        if (count != content.Length)
            throw new ObjectStoreException(
                ObjectStoreError.Failed, key, $"ended at byte {count} of {content.Length}: someone cut the file");
        return ValueTask.FromResult<byte[]?>(content);
    }

    /// <inheritdoc/>
    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        using var file = TryOpen(key) ?? throw new ObjectStoreException(ObjectStoreError.NotFound, key, "there is no such object");
        return ValueTask.FromResult(file.Read(offset, destination.Span));
    }

    /// <inheritdoc/>
    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        using var file = TryOpen(key);
        ObjectInfo? info = file == null ? null : new ObjectInfo(file.SizeBytes, file.ModifiedAt);
        return ValueTask.FromResult(info);
    }

    /// <inheritdoc/>
    public LocalObject? TryOpen(ObjectKey key)
    {
        var error = _disk.TryOpen(PathOf(key), writable: false, out var file);
        if (error is DiskError.NotFound or DiskError.NotFolder or DiskError.IsFolder) return null;
        Check(error, key, "open");
        return new LocalObject(key, file!);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var error = _disk.TryDelete(PathOf(key));
        if (error is DiskError.NotFolder or DiskError.IsFolder) return ValueTask.CompletedTask;
        Check(error, key, "delete");
        Failpoints.Hit(Failpoint.ObjectDeleted);
        RemoveEmptyFolders(FolderOf(key), key);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// What an error of the disk means to the callers of a store. Never <see cref="ObjectStoreError.NotFound"/>: where a missing
    /// name is an answer the store has seen to it, and anywhere else it is a folder gone from under a put.
    /// </summary>
    internal static ObjectStoreError Classify(DiskError error) => error switch
    {
        DiskError.Full => ObjectStoreError.Full,
        DiskError.ReadOnly or DiskError.NotPermitted => ObjectStoreError.AccessDenied,
        _ => ObjectStoreError.Failed,
    };

    internal static void Check(DiskError error, ObjectKey key, string step)
    {
        if (error != DiskError.None) throw new ObjectStoreException(Classify(error), key, $"{step}: {error}");
    }

    private bool Put(ObjectKey key, ReadOnlySpan<byte> content, bool onlyIfAbsent, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var pending = Begin(key);
        pending.Write(content, 0);
        return pending.Publish(FolderOf(key), PathOf(key), onlyIfAbsent);
    }

    private PendingFile Begin(ObjectKey key)
    {
        var folder = FolderOf(key);
        lock (_folders)
        {
            MakeFolder(folder, key);
            return PendingFile.Create(_disk, folder, key);
        }
    }

    // Renames a synced file into place; false if it lies on another file system.
    private bool TryMove(ObjectKey key, string path)
    {
        var folder = FolderOf(key);
        DiskError error;
        lock (_folders)
        {
            MakeFolder(folder, key);
            error = _disk.TryRename(path, PathOf(key));
        }

        if (error == DiskError.OtherDisk) return false;
        Check(error, key, $"move of {path}");
        Failpoints.Hit(Failpoint.ObjectMoved);
        Check(_disk.SyncFolder(folder), key, $"move of {path}");
        return true;
    }

    private void Copy(ObjectKey key, IDiskFile source, string path)
    {
        using var pending = Begin(key);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBufferBytes);
        try
        {
            for (long offset = 0; ;)
            {
                Check(source.Read(offset, buffer, out var count), key, $"read of {path}");
                if (count == 0) break;
                pending.Write(buffer.AsSpan(0, count), offset);
                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        pending.Publish(FolderOf(key), PathOf(key), onlyIfAbsent: false);
        Check(_disk.TryDelete(path), key, $"stored, but {path} cannot be deleted");
    }

    private string PathOf(ObjectKey key) =>
        key.IsRoot ? throw new ArgumentException("The root is a folder and names no object.", nameof(key)) : $"{_root}/{key}";

    private string FolderOf(ObjectKey key)
    {
        var path = PathOf(key);
        return path[..path.LastIndexOf('/')];
    }
}
