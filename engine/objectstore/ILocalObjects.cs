using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.ObjectStore;

/// <summary>Objects that are files on this machine, for readers that want to <c>pread</c> or map them without a copy.</summary>
public interface ILocalObjects
{
    /// <summary>
    /// Opens an object for reading; null if there is none. The file stays readable, as it was, after the object is replaced or
    /// deleted. The caller disposes it.
    /// </summary>
    /// <exception cref="ObjectStoreException">Any other error.</exception>
    LocalObject? TryOpen(ObjectKey key);

    /// <summary>The space of the disk that the objects lie on; null if it cannot be told.</summary>
    DiskSpace? Space { get; }
}

/// <summary>Space of a disk in bytes.</summary>
/// <param name="TotalBytes">Of the file system.</param>
/// <param name="AvailableBytes">What this process may still write.</param>
public readonly record struct DiskSpace(long TotalBytes, long AvailableBytes)
{
    /// <summary>What cannot be written any more, whoever has it.</summary>
    public long UsedBytes => TotalBytes - AvailableBytes;
}

/// <summary>An object opened as a local file. Reads may run on several threads at once.</summary>
public sealed class LocalObject : IDisposable
{
    private readonly ObjectKey _key;

    internal LocalObject(ObjectKey key, SafeFileHandle handle, long sizeBytes) => (_key, Handle, SizeBytes) = (key, handle, sizeBytes);

    /// <summary>The open file, read-only, for <see cref="RandomAccess"/> or a mapping. Owned by this object.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Size of the object.</summary>
    public long SizeBytes { get; }

    /// <summary>Reads at <paramref name="offset"/>; returns fewer bytes than asked for only where the object ends.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative offset.</exception>
    /// <exception cref="ObjectStoreException">The disk failed.</exception>
    public int Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        try
        {
            var total = 0;
            while (total < destination.Length)
            {
                var count = RandomAccess.Read(Handle, destination[total..], offset + total);
                if (count == 0) break;
                total += count;
            }

            return total;
        }
        catch (IOException e)
        {
            throw new ObjectStoreException(ObjectStoreError.Failed, _key, $"read of {destination.Length} bytes at {offset}: {e.Message}", e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => Handle.Dispose();
}
