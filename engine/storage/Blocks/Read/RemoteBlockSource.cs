using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// A block's data in a remote store. Reads wait for the network on the calling thread, of which there are as many as queries
/// may run at once.
/// </summary>
/// <param name="reader">The data.</param>
/// <param name="isGone">Asked when the data is not there: is the whole block gone?</param>
internal sealed class RemoteBlockSource(CachedObjectReader reader, Func<bool> isGone) : IParquetSource
{
    public long Length => reader.SizeBytes;

    public bool IsFar => true;

    public void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                var there = reader.ReadChunkAsync(offset, destination.Length).AsTask().GetAwaiter().GetResult().Span;
                there.CopyTo(destination);
                destination = destination[there.Length..];
                offset += there.Length;
            }
        }
        catch (ObjectStoreException e)
        {
            if (e.Error == ObjectStoreError.NotFound && isGone()) throw new BlockGoneException(e.Message, e);
            throw new IOException(e.Message, e);
        }
    }

    /// <summary>Reads a part of a small object, past every cache; the bytes read, or -1 if there is no such object.</summary>
    public static int TryRead(IObjectStore objects, ObjectKey key, long offset, Memory<byte> destination)
    {
        try
        {
            return objects.GetRangeAsync(key, offset, destination).AsTask().GetAwaiter().GetResult();
        }
        catch (ObjectStoreException e) when (e.Error == ObjectStoreError.NotFound)
        {
            return -1;
        }
    }

    public IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges) =>
        [.. reader.FetchAsync(ranges).GetAwaiter().GetResult().Select(static chunk => new FilePart(chunk.Offset, chunk.Bytes))];
}
