using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// The system calls whose result decides whether data is safe. Called directly because the runtime hides what is needed:
/// <c>RandomAccess.FlushToDisk</c> was seen to return normally on EIO, folders cannot be opened to be synced, and every
/// <c>File.Open</c> takes a lock that would keep readers from a file its writer still holds. Constants are Linux's.
/// Each method returns 0 or the errno.
/// </summary>
internal static partial class LinuxFile
{
    public const int NoEntry = 2;
    public const int WouldBlock = 11;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NotFolder = 20;
    public const int IsFolder = 21;

    private const int NotPermitted = 1;
    private const int Interrupted = 4;
    private const int InputOutput = 5;
    private const int AccessRefused = 13;
    private const int NoSpace = 28;
    private const int ReadOnlyFileSystem = 30;
    private const int QuotaExceeded = 122;

    private const int ReadWrite = 0x2;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int CloseOnExec = 0x80000;

    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;

    private const string Library = "libc.so.6";

    // Data of tenants: nobody else's business.
    private const uint FileMode = 0x180; // 0600
    private const uint FolderMode = 0x1C0; // 0700

    /// <summary>Opens a file or folder for reading. A folder opens, too: its reads then fail with <see cref="IsFolder"/>.</summary>
    public static int OpenForReading(string path, out SafeFileHandle handle) => Open(path, CloseOnExec, out handle);

    /// <summary>Opens an existing file for writing.</summary>
    public static int OpenForWriting(string path, out SafeFileHandle handle) => Open(path, ReadWrite | CloseOnExec, out handle);

    /// <summary>Creates a file that must not exist yet (<see cref="Exists"/>).</summary>
    public static int CreateNew(string path, out SafeFileHandle handle) => Open(path, ReadWrite | Create | Exclusive | CloseOnExec, out handle);

    /// <summary>Asks for what <c>read</c> asks, without reading: tells a folder (<see cref="IsFolder"/>) from a file.</summary>
    public static unsafe int CheckReadable(SafeFileHandle handle)
    {
        byte nothing;
        return pread(handle, &nothing, 0, 0) == 0 ? 0 : Marshal.GetLastPInvokeError(); // a count of 0: nothing is written through the pointer
    }

    /// <summary>Writes all of the bytes at an offset.</summary>
    public static unsafe int Write(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* first = bytes) // pinned for the whole loop; done + the count asked for never passes the span's end
        {
            for (var done = 0; done < bytes.Length;)
            {
                var count = pwrite(handle, first + done, (nuint)(bytes.Length - done), offset + done);
                if (count > 0) done += (int)count;
                else if (count == 0) return InputOutput; // a file system that takes nothing and says nothing
                else if (Marshal.GetLastPInvokeError() is var error and not Interrupted) return error;
            }
        }

        return 0;
    }

    /// <summary>fsync of an open file or folder.</summary>
    public static int Sync(SafeFileHandle handle)
    {
        int error;
        do error = ResultOf(fsync(handle));
        while (error == Interrupted);
        return error;
    }

    /// <summary>fsync of a folder: makes the names created, renamed and removed in it durable.</summary>
    public static int SyncFolder(string path)
    {
        var error = OpenForReading(path, out var folder);
        using (folder) return error != 0 ? error : Sync(folder);
    }

    /// <summary>Takes the lock that lasts as long as the handle, without waiting (<see cref="WouldBlock"/>).</summary>
    public static int TryLock(SafeFileHandle handle) => ResultOf(flock(handle, LockExclusive | LockNonBlocking));

    public static int MakeFolder(string path) => ResultOf(mkdir(path, FolderMode));
    public static int RemoveFolder(string path) => ResultOf(rmdir(path));
    public static int Rename(string from, string to) => ResultOf(rename(from, to));
    public static int Link(string from, string to) => ResultOf(link(from, to));
    public static int Unlink(string path) => ResultOf(unlink(path));

    /// <summary>
    /// What an errno means to the callers of a store. Never <see cref="ObjectStoreError.NotFound"/>: where a missing name is an
    /// answer the store has seen to it, and anywhere else it is a folder gone from under a put.
    /// </summary>
    public static ObjectStoreError Classify(int error) => error switch
    {
        NoSpace or QuotaExceeded => ObjectStoreError.Full,
        NotPermitted or AccessRefused or ReadOnlyFileSystem => ObjectStoreError.AccessDenied,
        _ => ObjectStoreError.Failed,
    };

    private static int Open(string path, int flags, out SafeFileHandle handle)
    {
        int error;
        do
        {
            handle = open(path, flags, FileMode);
            error = handle.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);
        return error;
    }

    private static int ResultOf(int result) => result == 0 ? 0 : Marshal.GetLastPInvokeError();

    // open is variadic in C; on the Linux ABIs .NET runs on, a third integer argument is passed the same way.
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pread(SafeFileHandle handle, byte* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pwrite(SafeFileHandle handle, byte* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fsync(SafeFileHandle handle);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int flock(SafeFileHandle handle, int operation);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rmdir(string path);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string from, string to);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);
}
