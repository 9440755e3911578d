namespace Tempo.Engine.Parquet;

/// <summary>A file that is in memory already.</summary>
public sealed class MemoryParquetSource(ReadOnlyMemory<byte> bytes) : IParquetSource
{
    public long Length => bytes.Length;

    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > bytes.Length - destination.Length)
            throw new EndOfStreamException($"A read of {destination.Length} bytes at {offset} passes the end at {bytes.Length}.");
        bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }
}
