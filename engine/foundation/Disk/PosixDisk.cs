using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.Foundation;

/// <summary>
/// <see cref="IDisk"/> over a folder of the file system, by system calls whose results are all looked at. Thread safe;
/// the files it gives are not. Files are made with mode 0600, folders with 0700, descriptors are closed on exec.
/// </summary>
public sealed class PosixDisk : IDisk
{
    private const int FileMode = 0x180;   // 0600
    private const int FolderMode = 0x1C0; // 0700

    private readonly string _root;

    /// <summary>A disk whose root is the folder <paramref name="root"/>; <see cref="TryCreateFolder"/> makes it if it is not there.</summary>
    public PosixDisk(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
    }

    /// <inheritdoc/>
    public DiskError TryAllocate(string path, long sizeBytes, out IDiskFile? file)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        file = null;
        var full = FullPath(path);
        var errno = Open(full, PosixCalls.OpenReadWrite | PosixCalls.OpenCreate | PosixCalls.OpenExclusive, out var handle);
        var created = errno == 0;
        if (errno == PosixError.Exists) errno = Open(full, PosixCalls.OpenReadWrite, out handle);
        if (errno != 0) return PosixError.ToDiskError(errno);

        var opened = new PosixFile(handle!);
        var error = opened.Allocate(sizeBytes);
        if (error == DiskError.None)
        {
            file = opened;
            return DiskError.None;
        }

        // What a full disk gave in part must not stay: it would keep the disk full.
        opened.Dispose();
        if (created) _ = TryDelete(path);
        return error;
    }

    /// <inheritdoc/>
    public DiskError TryOpen(string path, bool writable, out IDiskFile? file)
    {
        file = null;
        var errno = Open(FullPath(path), writable ? PosixCalls.OpenReadWrite : PosixCalls.OpenReadOnly, out var handle);
        if (errno != 0) return PosixError.ToDiskError(errno);
        var opened = new PosixFile(handle!);
        var error = opened.ReadLength();
        if (error == DiskError.None) file = opened;
        else opened.Dispose();
        return error;
    }

    /// <inheritdoc/>
    public DiskError TryRename(string from, string to)
    {
        var (source, target) = (FullPath(from), FullPath(to));
        int rc;
        while ((rc = PosixCalls.Rename(source, target)) != 0 && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        return rc == 0 ? DiskError.None : LastError();
    }

    /// <inheritdoc/>
    public DiskError TryDelete(string path)
    {
        var full = FullPath(path);
        int rc;
        while ((rc = PosixCalls.Unlink(full)) != 0 && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        var error = rc == 0 ? DiskError.None : LastError();
        return error == DiskError.NotFound ? DiskError.None : error;
    }

    /// <inheritdoc/>
    public DiskError TryCreateFolder(string path)
    {
        var full = FullPath(path);
        for (var end = full.IndexOf('/', 1); ; end = full.IndexOf('/', end + 1))
        {
            var part = end < 0 ? full : full[..end];
            if (PosixCalls.MakeFolder(part, FolderMode) == 0)
            {
                var error = SyncFullPath(Path.GetDirectoryName(part)!);
                if (error != DiskError.None) return error;
            }
            else if (Marshal.GetLastPInvokeError() is var errno && !Directory.Exists(part))
            {
                // Asked of the folder, because a parent that is not ours to write to may answer EACCES before EEXIST.
                return PosixError.ToDiskError(errno);
            }

            if (end < 0) return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryList(string folder, out IReadOnlyList<string> names)
    {
        names = [];
        try
        {
            var found = Directory.GetFileSystemEntries(FullPath(folder));
            for (var i = 0; i < found.Length; i++) found[i] = Path.GetFileName(found[i]);
            Array.Sort(found, StringComparer.Ordinal);
            names = found;
            return DiskError.None;
        }
        catch (DirectoryNotFoundException)
        {
            return DiskError.None;
        }
        catch (UnauthorizedAccessException)
        {
            return DiskError.ReadOnly;
        }
        catch (IOException)
        {
            return DiskError.Failed;
        }
    }

    /// <inheritdoc/>
    public DiskError SyncFolder(string path) => SyncFullPath(FullPath(path));

    /// <inheritdoc/>
    public DiskError TryLock(string path, out IDisposable? hold)
    {
        hold = null;
        var errno = Open(FullPath(path), PosixCalls.OpenReadWrite | PosixCalls.OpenCreate, out var handle);
        if (errno != 0) return PosixError.ToDiskError(errno);
        int rc;
        while ((rc = PosixCalls.Lock(handle!, PosixCalls.LockExclusiveNonBlocking)) != 0
               && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        if (rc == 0)
        {
            hold = handle; // closing the descriptor gives the lock back, and so does the end of the process
            return DiskError.None;
        }

        var error = LastError();
        handle!.Dispose();
        return error;
    }

    private static DiskError LastError() => PosixError.ToDiskError(Marshal.GetLastPInvokeError());

    private static DiskError SyncFullPath(string fullPath)
    {
        var errno = Open(fullPath, PosixCalls.OpenReadOnly, out var handle);
        if (errno != 0) return PosixError.ToDiskError(errno);
        using (handle)
        {
            int rc;
            while ((rc = PosixCalls.Sync(handle!)) != 0 && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
            return rc == 0 ? DiskError.None : LastError();
        }
    }

    private static int Open(string fullPath, int flags, out SafeFileHandle? handle)
    {
        handle = null;
        while (true)
        {
            var descriptor = PosixCalls.Open(fullPath, flags | PosixCalls.OpenCloseOnExec, FileMode);
            if (descriptor >= 0)
            {
                handle = new SafeFileHandle(descriptor, ownsHandle: true);
                return 0;
            }

            var errno = Marshal.GetLastPInvokeError();
            if (errno != PosixError.Interrupted) return errno;
        }
    }

    private string FullPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0) return _root;
        foreach (var part in path.AsSpan().Split('/'))
        {
            if (path.AsSpan(part) is "" or "." or ".." || path.AsSpan(part).Contains('\0'))
                throw new ArgumentException($"'{path}' is not a path below the disk's root", nameof(path));
        }

        return $"{_root}/{path}";
    }
}
