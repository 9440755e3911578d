using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>Objects that are files on this machine, for readers that want to <c>pread</c> them without a copy.</summary>
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
    private readonly IDiskFile _file;

    internal LocalObject(ObjectKey key, IDiskFile file) => (_key, _file, SizeBytes) = (key, file, file.Length);

    /// <summary>Size of the object.</summary>
    public long SizeBytes { get; }

    /// <summary>When it was put.</summary>
    public DateTimeOffset ModifiedAt => _file.ModifiedAt;

    /// <summary>Reads at <paramref name="offset"/>; returns fewer bytes than asked for only where the object ends.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative offset.</exception>
    /// <exception cref="ObjectStoreException">The disk failed.</exception>
    public int Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var error = _file.Read(offset, destination, out var count);
        LocalObjectStore.Check(error, _key, $"read of {destination.Length} bytes at {offset}");
        return count;
    }

    /// <summary>The object from its beginning; ends with this object, and needs no disposal of its own.</summary>
    public Stream OpenStream() => new LocalObjectStream(this);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
