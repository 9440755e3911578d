using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// A block's data on this machine's disk, read by pread. The file may be closed while others read: each of their further reads opens
/// it for itself, so that a thousand blocks that somebody looks into hold no thousand files. Thread safe.
/// </summary>
internal sealed class LocalBlockSource : IParquetSource, IDisposable
{
    private readonly ILocalObjects _objects;
    private readonly ObjectKey _key;
    private LocalObject? _file;

    /// <summary>Throws <see cref="ObjectStoreException"/> if there is no such file.</summary>
    public LocalBlockSource(ILocalObjects objects, ObjectKey key)
    {
        (_objects, _key) = (objects, key);
        _file = Open();
        Length = _file.SizeBytes;
    }

    public long Length { get; }

    public void Read(long offset, Span<byte> destination)
    {
        if (Volatile.Read(ref _file) is not { } file)
        {
            ReadOnce(offset, destination);
            return;
        }

        try
        {
            Check(file.Read(offset, destination), offset, destination.Length);
        }
        catch (ObjectDisposedException)
        {
            ReadOnce(offset, destination);
        }
    }

    public void Dispose() => Interlocked.Exchange(ref _file, null)?.Dispose();

    private void ReadOnce(long offset, Span<byte> destination)
    {
        using var file = Open();
        Check(file.Read(offset, destination), offset, destination.Length);
    }

    private LocalObject Open() =>
        _objects.TryOpen(_key) ?? throw new ObjectStoreException(ObjectStoreError.NotFound, _key, "no such object");

    private static void Check(int count, long offset, int wanted)
    {
        if (count < wanted) throw new EndOfStreamException($"the block's data ends before {offset + wanted}");
    }
}
