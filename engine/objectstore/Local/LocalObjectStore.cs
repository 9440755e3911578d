using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Objects as files under a root folder, laid out as Tempo's local backend does it: the key is the path. Linux only.
/// Every call but a put from a stream does its work on the calling thread and returns a completed task.
/// Folders come with the first object in them and go with the last.
/// </summary>
public sealed partial class LocalObjectStore : IObjectStore, ILocalObjects
{
    private const int CopyBufferBytes = 256 * 1024;

    private readonly string _root;

    // Held while a folder is made and gets its first file, and while empty folders are removed: a folder must not go between
    // the two. Other processes can still do that, and then a put fails and is repeated.
    private readonly Lock _folders = new();

    private LocalObjectStore(string root) => _root = root;

    /// <inheritdoc/>
    public ILocalObjects LocalObjects => this;

    /// <inheritdoc/>
    public DiskSpace? Space
    {
        get
        {
            try
            {
                var disk = new DriveInfo(_root);
                return new DiskSpace(disk.TotalSize, disk.AvailableFreeSpace);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

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
        var store = new LocalObjectStore(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));
        try
        {
            Directory.CreateDirectory(store._root);
            if (sweep) store.Sweep();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ObjectStoreException(
                e is UnauthorizedAccessException ? ObjectStoreError.AccessDenied : ObjectStoreError.Failed,
                ObjectKey.Root, $"cannot open the store at {store._root}: {e.Message}", e);
        }

        return store;
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
                if (count == 0) throw new ObjectStoreException(ObjectStoreError.Failed, key, $"the stream ended after {written} of {sizeBytes} bytes");
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
        var error = LinuxFile.OpenForReading(path, out var source);
        using (source)
        {
            if (error != 0) throw Error(error, key, $"open of {path}");
            error = LinuxFile.CheckReadable(source);
            if (error != 0) throw Error(error, key, $"read of {path}");
            error = LinuxFile.Sync(source);
            if (error != 0) throw Error(error, key, $"fsync of {path}");
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
        if (count != content.Length) throw new ObjectStoreException(ObjectStoreError.Failed, key, $"ended at byte {count} of {content.Length}: someone cut the file");
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
        ObjectInfo? info = file == null ? null : new ObjectInfo(file.SizeBytes, File.GetLastWriteTimeUtc(file.Handle));
        return ValueTask.FromResult(info);
    }

    /// <inheritdoc/>
    public LocalObject? TryOpen(ObjectKey key)
    {
        var error = LinuxFile.OpenForReading(PathOf(key), out var handle);
        if (error == 0) error = LinuxFile.CheckReadable(handle);
        if (error == 0) return new LocalObject(key, handle, RandomAccess.GetLength(handle));

        handle.Dispose();
        if (error is LinuxFile.NoEntry or LinuxFile.NotFolder or LinuxFile.IsFolder) return null;
        throw Error(error, key, "open");
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var error = LinuxFile.Unlink(PathOf(key));
        if (error is LinuxFile.NoEntry or LinuxFile.NotFolder or LinuxFile.IsFolder) return ValueTask.CompletedTask;
        if (error != 0) throw Error(error, key, "delete");
        RemoveEmptyFolders(FolderOf(key), key);
        return ValueTask.CompletedTask;
    }

    internal static ObjectStoreException Error(int error, ObjectKey key, string step) =>
        new(LinuxFile.Classify(error), key, $"{step}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");

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
            return PendingFile.Create(folder, key);
        }
    }

    // Renames a synced file into place; false if it lies on another file system.
    private bool TryMove(ObjectKey key, string path)
    {
        var folder = FolderOf(key);
        int error;
        lock (_folders)
        {
            MakeFolder(folder, key);
            error = LinuxFile.Rename(path, PathOf(key));
        }

        if (error == LinuxFile.CrossDevice) return false;
        if (error == 0) error = LinuxFile.SyncFolder(folder);
        return error == 0 ? true : throw Error(error, key, $"move of {path}");
    }

    private void Copy(ObjectKey key, SafeFileHandle source, string path)
    {
        using var pending = Begin(key);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBufferBytes);
        try
        {
            for (long offset = 0; ;)
            {
                var count = RandomAccess.Read(source, buffer, offset);
                if (count == 0) break;
                pending.Write(buffer.AsSpan(0, count), offset);
                offset += count;
            }
        }
        catch (IOException e)
        {
            throw new ObjectStoreException(ObjectStoreError.Failed, key, $"read of {path}: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        pending.Publish(FolderOf(key), PathOf(key), onlyIfAbsent: false);
        var error = LinuxFile.Unlink(path);
        if (error != 0) throw Error(error, key, $"stored, but {path} cannot be deleted");
    }

    private string PathOf(ObjectKey key) =>
        key.IsRoot ? throw new ArgumentException("The root is a folder and names no object.", nameof(key)) : $"{_root}/{key}";

    private string FolderOf(ObjectKey key)
    {
        var path = PathOf(key);
        return path[..path.LastIndexOf('/')];
    }
}
