using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.Foundation;

/// <summary>A file of a <see cref="PosixDisk"/>. EINTR is retried, short reads and writes are continued.</summary>
internal sealed unsafe class PosixFile(SafeFileHandle handle) : IDiskFile
{
    public long Length { get; private set; }

    public DateTimeOffset ModifiedAt => File.GetLastWriteTimeUtc(handle);

    /// <summary>Finds the length of an opened file; <see cref="DiskError.IsFolder"/> if it is a folder, which opens as well.</summary>
    public DiskError ReadLength()
    {
        byte nothing;
        if (PosixCalls.Read(handle, &nothing, 0, 0) < 0) return LastError(); // a count of 0: nothing is written through the pointer
        var length = PosixCalls.Seek(handle, 0, PosixCalls.SeekEnd);
        if (length < 0) return LastError();
        Length = length;
        return DiskError.None;
    }

    /// <summary>Gives the first <paramref name="sizeBytes"/> real blocks; restores the former length if that fails.</summary>
    public DiskError Allocate(long sizeBytes)
    {
        var error = ReadLength();
        if (error != DiskError.None || sizeBytes == 0) return error;
        int errno;
        while ((errno = PosixCalls.Allocate(handle, 0, sizeBytes)) == PosixError.Interrupted) { }
        if (errno == 0)
        {
            Length = Math.Max(Length, sizeBytes);
            return DiskError.None;
        }

        _ = PosixCalls.Truncate(handle, Length);
        return PosixError.ToDiskError(errno);
    }

    public DiskError Write(ReadOnlySpan<IoSlice> slices, long offset)
    {
        // 4 KiB of stack. The kernel takes up to 1024 vectors a call; beyond 256 the call's own cost no longer shows.
        const int VectorsPerCall = 256;
        var vectors = stackalloc PosixCalls.IoVector[VectorsPerCall];
        while (slices.Length > 0)
        {
            var count = Math.Min(slices.Length, VectorsPerCall);
            for (var i = 0; i < count; i++)
                vectors[i] = new PosixCalls.IoVector { Base = slices[i].Pointer, Length = (nuint)slices[i].Length };
            var error = WriteAll(vectors, count, ref offset);
            if (error != DiskError.None) return error;
            slices = slices[count..];
        }

        return DiskError.None;
    }

    public DiskError Sync()
    {
        int rc;
        while ((rc = PosixCalls.SyncData(handle)) != 0 && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        return rc == 0 ? DiskError.None : LastError();
    }

    public DiskError TryLock()
    {
        int rc;
        while ((rc = PosixCalls.Lock(handle, PosixCalls.LockExclusiveNonBlocking)) != 0
            && Marshal.GetLastPInvokeError() == PosixError.Interrupted) { }
        return rc == 0 ? DiskError.None : LastError(); // closing the descriptor gives the lock back, and so does the end of the process
    }

    public DiskError Read(long offset, Span<byte> destination, out int count)
    {
        count = 0;
        fixed (byte* start = destination)
        {
            while (count < destination.Length)
            {
                var got = PosixCalls.Read(handle, start + count, (nuint)(destination.Length - count), offset + count);
                if (got == 0) break;
                if (got > 0) count += (int)got;
                else if (Marshal.GetLastPInvokeError() != PosixError.Interrupted) return LastError();
            }
        }

        return DiskError.None;
    }

    public void Dispose() => handle.Dispose();

    private DiskError WriteAll(PosixCalls.IoVector* vectors, int count, ref long offset)
    {
        while (count > 0)
        {
            var written = PosixCalls.WriteVector(handle, vectors, count, offset);
            if (written < 0)
            {
                if (Marshal.GetLastPInvokeError() == PosixError.Interrupted) continue;
                return LastError();
            }

            offset += written;
            var left = (nuint)written;
            while (count > 0 && left >= vectors->Length)
            {
                left -= vectors->Length;
                vectors++;
                count--;
            }

            if (count == 0) return DiskError.None;
            if (written == 0) return DiskError.Failed; // no progress and no errno: never spin on it
            vectors->Base += left;
            vectors->Length -= left;
        }

        return DiskError.None;
    }

    private static DiskError LastError() => PosixError.ToDiskError(Marshal.GetLastPInvokeError());
}
