namespace Tempo.Ring.Membership.Etcd;

/// <summary>An answer of which only so much is read: whoever answers in etcd's place, or an etcd gone wrong, takes no more memory than that.</summary>
internal sealed class LimitedStream(Stream inner, int maxBytes) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("it is read as it comes");

    public override long Position
    {
        get => throw new NotSupportedException("it is read as it comes");
        set => throw new NotSupportedException("it is read as it comes");
    }

    /// <summary>What was read so far has been dealt with: as much again may come.</summary>
    public void Allow() => _read = 0;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_read >= maxBytes) throw new EtcdException($"etcd answered more than {maxBytes} bytes at once");
        var count = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, maxBytes - _read)], cancellationToken).ConfigureAwait(false);
        _read += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("it is read as it comes");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("it is read as it comes");

    public override void SetLength(long value) => throw new NotSupportedException("it is only read");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("it is only read");

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
