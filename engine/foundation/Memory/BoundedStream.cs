namespace Tempo.Engine.Foundation;

/// <summary>
/// What comes from another process, of which no more is read than it may have: a limit of exactly what came is none. Read only, not thread
/// safe; disposes the stream it reads.
/// </summary>
/// <param name="inner">Where the bytes come from.</param>
/// <param name="maxBytes">That may come, from the beginning or since <see cref="Allow"/>.</param>
/// <param name="tooLong">The exception for who reads where there are more; gets the limit.</param>
public sealed class BoundedStream(Stream inner, long maxBytes, Func<long, Exception> tooLong) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw AsItComes();

    public override long Position
    {
        get => throw AsItComes();
        set => throw AsItComes();
    }

    /// <summary>What was read so far has been dealt with: as much again may come.</summary>
    public void Allow() => _read = 0;

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer) => Take(inner.Read(buffer));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Take(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw AsItComes();

    public override void SetLength(long value) => throw AsItComes();

    public override void Write(byte[] buffer, int offset, int count) => throw AsItComes();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }

    // Only a read says whether there are more, so what that took may be beyond the limit; nobody gets it.
    private int Take(int count)
    {
        _read += count;
        return _read <= maxBytes ? count : throw tooLong(maxBytes);
    }

    private static NotSupportedException AsItComes() => new("it is read as it comes");
}
