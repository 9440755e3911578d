using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>A Parquet file that is written and then read by the same merge, beside the block that it writes; gone with this.</summary>
internal sealed class SpilledFile(string? path) : Stream, IParquetSource
{
    private const int MaxMemoryBytes = 256 << 10;
    private readonly SpillBuffer _bytes = new(path, MaxMemoryBytes);

    public override long Length => _bytes.Length;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Position
    {
        get => _bytes.Length;
        set => throw new NotSupportedException("it is only appended to");
    }

    public override void Write(ReadOnlySpan<byte> buffer) => _bytes.Write(buffer);

    public override void Write(byte[] buffer, int offset, int count) => _bytes.Write(buffer.AsSpan(offset, count));

    void IParquetSource.Read(long offset, Span<byte> destination) => _bytes.Read(offset, destination);

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("it is read as a source");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("it is only appended to");

    public override void SetLength(long value) => throw new NotSupportedException("it is only appended to");

    protected override void Dispose(bool disposing)
    {
        if (disposing) _bytes.Dispose();
        base.Dispose(disposing);
    }
}
