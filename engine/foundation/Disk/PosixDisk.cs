using System.IO.Enumeration;
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

    private static readonly EnumerationOptions OneFolder = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    // What the runtime gives as the time of a file that was deleted between its name and its status.
    private static readonly DateTimeOffset Vanished = DateTimeOffset.FromFileTime(0);

    private readonly string _root;

    /// <summary>The whole file system: its paths may begin with '/'.</summary>
    public static PosixDisk FileSystem { get; } = new("/");

    /// <summary>
    /// A disk whose root is the folder <paramref name="root"/>; <see cref="TryCreateFolder"/> makes it if it is not there.
    /// </summary>
    public PosixDisk(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        if (_root == "/") _root = "";
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
    public DiskError TryCreate(string path, out IDiskFile? file)
    {
        file = null;
        var errno = Open(FullPath(path), PosixCalls.OpenReadWrite | PosixCalls.OpenCreate | PosixCalls.OpenExclusive, out var handle);
        if (errno != 0) return PosixError.ToDiskError(errno);
        file = new PosixFile(handle!);
        return DiskError.None;
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
    public DiskError TryLink(string from, string to)
    {
        var (source, target) = (FullPath(from), FullPath(to));
        int rc;
        while ((rc = PosixCalls.Link(source, target)) != 0 && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        return rc == 0 ? DiskError.None : LastError();
    }

    /// <inheritdoc/>
    public DiskError TryCreateFolder(string path) => MakeFolder(FullPath(path));

    /// <inheritdoc/>
    public DiskError TryDeleteFolder(string path) => PosixCalls.RemoveFolder(FullPath(path)) == 0 ? DiskError.None : LastError();

    /// <inheritdoc/>
    public DiskError TryListEntries(string folder, bool withInfo, out IReadOnlyList<DiskEntry> entries)
    {
        entries = [];
        var found = new List<DiskEntry>();
        try
        {
            var all = new FileSystemEnumerable<DiskEntry>(FullPath(folder), withInfo ? ToEntryWithInfo : ToEntry, OneFolder)
            {
                ShouldIncludePredicate =
                    static (ref FileSystemEntry entry) => entry.IsDirectory || (entry.Attributes & FileAttributes.ReparsePoint) == 0,
            };
            foreach (var entry in all)
                if (!withInfo || entry.IsFolder || entry.ModifiedAt != Vanished) found.Add(entry);
            entries = found;
            return DiskError.None;
        }
        catch (DirectoryNotFoundException)
        {
            return File.Exists(FullPath(folder)) ? DiskError.NotFolder : DiskError.NotFound;
        }
        catch (UnauthorizedAccessException)
        {
            return DiskError.NotPermitted;
        }
        catch (IOException e)
        {
            return e.HResult == PosixError.NotFolder ? DiskError.NotFolder : DiskError.Failed;
        }
    }

    /// <inheritdoc/>
    public DiskError TryGetSpace(string folder, out long totalBytes, out long availableBytes)
    {
        (totalBytes, availableBytes) = (0, 0);
        try
        {
            var drive = new DriveInfo(FullPath(folder));
            (totalBytes, availableBytes) = (drive.TotalSize, drive.AvailableFreeSpace);
            return DiskError.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return DiskError.Failed;
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
            return DiskError.NotPermitted;
        }
        catch (IOException)
        {
            return DiskError.Failed;
        }
    }

    /// <inheritdoc/>
    public DiskError SyncFolder(string path) => SyncFullPath(FullPath(path));

    /// <inheritdoc/>
    public DiskError TryGetFreeBytes(out long bytes)
    {
        bytes = 0;
        try
        {
            bytes = new DriveInfo(_root).AvailableFreeSpace;
            return DiskError.None;
        }
        catch (DriveNotFoundException)
        {
            return DiskError.NotFound;
        }
        catch (UnauthorizedAccessException)
        {
            return DiskError.NotPermitted;
        }
        catch (IOException)
        {
            return DiskError.Failed;
        }
    }

    /// <inheritdoc/>
    public DiskError TryLock(string path, out IDisposable? hold)
    {
        hold = null;
        var errno = Open(FullPath(path), PosixCalls.OpenReadWrite | PosixCalls.OpenCreate, out var handle);
        if (errno != 0) return PosixError.ToDiskError(errno);
        var file = new PosixFile(handle!);
        var error = file.TryLock();
        if (error == DiskError.None) hold = file;
        else file.Dispose();
        return error;
    }

    // Each folder is durable in its parent before anything is put into it. As deep as the path.
    private static DiskError MakeFolder(string full)
    {
        if (PosixCalls.MakeFolder(full, FolderMode) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == PosixError.NoEntry && Path.GetDirectoryName(full) is { } parent)
            {
                var above = MakeFolder(parent);
                if (above != DiskError.None) return above;
                errno = PosixCalls.MakeFolder(full, FolderMode) == 0 ? 0 : Marshal.GetLastPInvokeError();
            }

            // Asked of the folder, because a parent that is not ours to write to may answer EACCES before EEXIST.
            if (errno != 0)
                return Directory.Exists(full) ? DiskError.None
                    : errno == PosixError.Exists ? DiskError.NotFolder
                    : PosixError.ToDiskError(errno);
        }

        var error = SyncFullPath(Path.GetDirectoryName(full)!);
        // Or the next one would find the folder there and take it for durable.
        if (error != DiskError.None) _ = PosixCalls.RemoveFolder(full);
        return error;
    }

    private static DiskEntry ToEntry(ref FileSystemEntry entry) =>
        new(entry.FileName.ToString(), entry.IsDirectory, (entry.Attributes & FileAttributes.ReparsePoint) != 0, 0, default);

    private static DiskEntry ToEntryWithInfo(ref FileSystemEntry entry) => entry.IsDirectory
        ? ToEntry(ref entry)
        : new(entry.FileName.ToString(), false, false, entry.Length, entry.LastWriteTimeUtc);

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
            var descriptor = PosixCalls.Open(fullPath, flags | PosixCalls.OpenCloseOnExec | PosixCalls.OpenNonBlocking, FileMode);
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
        if (_root.Length == 0 && path.StartsWith('/')) path = path[1..];
        if (path.Length == 0) return _root.Length == 0 ? "/" : _root;
        foreach (var part in path.AsSpan().Split('/'))
        {
            if (path.AsSpan(part) is "" or "." or ".." || path.AsSpan(part).Contains('\0'))
                throw new ArgumentException($"'{path}' is not a path below the disk's root", nameof(path));
        }

        return $"{_root}/{path}";
    }
}
