namespace Tempo.Engine.Foundation;

/// <summary>
/// The narrow door to a file system for the WAL and for local blocks. Every call that can meet a full or failing disk
/// returns the error; nothing is swallowed (.NET's own <c>Flush(true)</c> was seen to swallow EIO, so the real
/// implementation calls the system directly). Paths are relative to the disk's root and use '/'.
/// Guarantees: <see cref="IDiskFile.Sync"/> returning <see cref="DiskError.None"/> means that all bytes written before
/// the call survive a power cut; a created or renamed name survives it only after <see cref="SyncFolder"/>.
/// </summary>
public interface IDisk
{
    /// <summary>
    /// Creates a file with <paramref name="sizeBytes"/> of really allocated space, or opens the one that exists and makes
    /// it at least so long; it is never shortened. After an error a file that the call created is gone again.
    /// </summary>
    DiskError TryAllocate(string path, long sizeBytes, out IDiskFile? file);

    /// <summary>Creates an empty file; <see cref="DiskError.Exists"/> if there is one of that name.</summary>
    DiskError TryCreate(string path, out IDiskFile? file);

    /// <summary>
    /// Opens an existing file; <see cref="DiskError.NotFound"/> if there is none, <see cref="DiskError.IsFolder"/> for a folder, and
    /// <see cref="DiskError.Failed"/> at once for what is neither, such as a pipe.
    /// </summary>
    DiskError TryOpen(string path, bool writable, out IDiskFile? file);

    /// <summary>Renames within the disk, replacing the target.</summary>
    DiskError TryRename(string from, string to);

    /// <summary>Gives a file a second name; <see cref="DiskError.Exists"/> if that is taken.</summary>
    DiskError TryLink(string from, string to);

    /// <summary>Deletes a file; a file that is not there is no error.</summary>
    DiskError TryDelete(string path);

    /// <summary>Makes a folder and its parents, durably.</summary>
    DiskError TryCreateFolder(string path);

    /// <summary>Removes a folder; <see cref="DiskError.NotEmpty"/> if there is anything in it.</summary>
    DiskError TryDeleteFolder(string path);

    /// <summary>
    /// The files and folders in a folder, in any order; <see cref="DiskError.NotFound"/> if it is not there. A link to a folder
    /// counts as the folder; any other link is left out: its size and time are not those of what it leads to, if anywhere.
    /// </summary>
    /// <param name="folder">The root's path is empty.</param>
    /// <param name="withInfo">Whether sizes and times are wanted, which costs a call for each file.</param>
    /// <param name="entries">What there is.</param>
    DiskError TryListEntries(string folder, bool withInfo, out IReadOnlyList<DiskEntry> entries);

    /// <summary>Bytes of the file system that a folder lies on, and how many of them may still be written.</summary>
    DiskError TryGetSpace(string folder, out long totalBytes, out long availableBytes);

    /// <summary>Names (not paths) in a folder, sorted by ordinal; empty if it is not there.</summary>
    DiskError TryList(string folder, out IReadOnlyList<string> names);

    /// <summary>Makes creations, renames and deletions in a folder durable. The root's path is empty.</summary>
    DiskError SyncFolder(string path);

    /// <summary>Bytes that may still be allocated on the file system of the disk's root.</summary>
    DiskError TryGetFreeBytes(out long bytes);

    /// <summary>
    /// Takes an exclusive lock on a file, which is made if it is not there, until <paramref name="hold"/> is disposed or
    /// the process ends. <see cref="DiskError.Busy"/> if anybody, in this process or another, holds it.
    /// </summary>
    DiskError TryLock(string path, out IDisposable? hold);
}

/// <summary>A file or folder in a folder.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="IsFolder">It is a folder, or a link to one.</param>
/// <param name="IsLink">It is a link.</param>
/// <param name="SizeBytes">Of a file, if it was asked for.</param>
/// <param name="ModifiedAt">Of a file, if it was asked for.</param>
public readonly record struct DiskEntry(string Name, bool IsFolder, bool IsLink, long SizeBytes, DateTimeOffset ModifiedAt);

/// <summary>An open file. One thread at a time, but for reads of a file that nobody writes.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>When it was last written to, by the file system's clock.</summary>
    DateTimeOffset ModifiedAt { get; }

    /// <summary>
    /// Writes all of the slices, one after the other, at <paramref name="offset"/> (one system call where that is possible).
    /// </summary>
    DiskError Write(ReadOnlySpan<IoSlice> slices, long offset);

    /// <summary>Makes what was written durable (fdatasync). After an error the file must never be trusted again.</summary>
    DiskError Sync();

    /// <summary>
    /// Takes the lock of <see cref="IDisk.TryLock"/> on this very file, whatever has its name now, until the file is disposed.
    /// <see cref="DiskError.Busy"/> if anybody holds it.
    /// </summary>
    DiskError TryLock();

    /// <summary>Reads up to <paramref name="destination"/>'s length at <paramref name="offset"/>; fewer at the end of the file.</summary>
    DiskError Read(long offset, Span<byte> destination, out int count);
}

/// <summary>Writing from managed memory.</summary>
public static class DiskFileWrites
{
    /// <summary>Writes all of the bytes at <paramref name="offset"/>.</summary>
    public static unsafe DiskError Write(this IDiskFile file, ReadOnlySpan<byte> bytes, long offset)
    {
        // The pointer is good for the call: the bytes are pinned.
        fixed (byte* pointer = bytes) return bytes.IsEmpty ? DiskError.None : file.Write([new IoSlice(pointer, bytes.Length)], offset);
    }
}

/// <summary>A piece of memory for a gathered write. The memory does not move while the write runs.</summary>
public readonly unsafe struct IoSlice(byte* pointer, int length)
{
    public readonly byte* Pointer = pointer;
    public readonly int Length = length;
}

/// <summary>What a disk call came to.</summary>
public enum DiskError
{
    None = 0,
    NotFound,

    /// <summary>ENOSPC or EDQUOT: refuse new data, keep answering, try again later.</summary>
    Full,

    /// <summary>EROFS.</summary>
    ReadOnly,

    /// <summary>EACCES or EPERM: it is somebody else's.</summary>
    NotPermitted,

    /// <summary>The file is locked by someone else.</summary>
    Busy,

    /// <summary>EIO and anything not named here.</summary>
    Failed,

    /// <summary>The name is taken.</summary>
    Exists,

    /// <summary>The folder has something in it.</summary>
    NotEmpty,

    /// <summary>A folder where a file belongs.</summary>
    IsFolder,

    /// <summary>A file where a folder belongs.</summary>
    NotFolder,

    /// <summary>The two names are on different file systems.</summary>
    OtherDisk,
}
