using Tempo.Engine.Foundation;

namespace Tempo.Perf.Work;

/// <summary>Keeps of what is written its length and its checksum: equal ones before and after a change are equal bytes.</summary>
internal sealed class ChecksumStream : Stream
{
    private long _length;

    public uint Checksum { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _length;

    public override long Position { get => _length; set => throw new NotSupportedException(); }

    public void Clear() => (_length, Checksum) = (0, 0);

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _length += buffer.Length;
        Checksum = Crc32C.Compute(buffer, Checksum);
    }
}
