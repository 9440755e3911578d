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

    /// <summary>Opens an existing file; <see cref="DiskError.NotFound"/> if there is none.</summary>
    DiskError TryOpen(string path, bool writable, out IDiskFile? file);

    /// <summary>Renames within the disk, replacing the target.</summary>
    DiskError TryRename(string from, string to);

    /// <summary>Deletes a file; a file that is not there is no error.</summary>
    DiskError TryDelete(string path);

    /// <summary>Makes a folder and its parents, durably.</summary>
    DiskError TryCreateFolder(string path);

    /// <summary>Names (not paths) in a folder, sorted by ordinal; empty if it is not there.</summary>
    DiskError TryList(string folder, out IReadOnlyList<string> names);

    /// <summary>Makes creations, renames and deletions in a folder durable. The root's path is empty.</summary>
    DiskError SyncFolder(string path);

    /// <summary>
    /// Takes an exclusive lock on a file, which is made if it is not there, until <paramref name="hold"/> is disposed or
    /// the process ends. <see cref="DiskError.Busy"/> if anybody, in this process or another, holds it.
    /// </summary>
    DiskError TryLock(string path, out IDisposable? hold);
}

/// <summary>An open file. Not thread safe, except that reads of the mapping may run beside writes behind them.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>Writes all of the slices, one after the other, at <paramref name="offset"/> (one system call where that is possible).</summary>
    DiskError Write(ReadOnlySpan<IoSlice> slices, long offset);

    /// <summary>Makes what was written durable (fdatasync). After an error the file must never be trusted again.</summary>
    DiskError Sync();

    /// <summary>Reads up to <paramref name="destination"/>'s length at <paramref name="offset"/>; fewer at the end of the file.</summary>
    DiskError Read(long offset, Span<byte> destination, out int count);

    /// <summary>The whole file mapped read-only. The pointer is valid until the file is disposed.</summary>
    unsafe DiskError Map(out byte* pointer, out long lengthBytes);
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

    /// <summary>EROFS or EACCES.</summary>
    ReadOnly,

    /// <summary>The file is locked by someone else.</summary>
    Busy,

    /// <summary>EIO and anything not named above.</summary>
    Failed,
}
