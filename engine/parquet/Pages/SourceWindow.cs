using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Fetches pages in order, several by one read: a read brings what follows the page too, up to <paramref name="end"/> and
/// <see cref="ReadAheadBytes"/>, as a read of an object store costs far more than its bytes.
/// </summary>
internal sealed class SourceWindow(IParquetSource source, long end) : IDisposable
{
    private const int ReadAheadBytes = 4 << 20;
    private byte[] _buffer = [];
    private long _start;
    private int _length;

    /// <summary>Bytes of the file, which the caller knows to lie within it; valid until the next call.</summary>
    public ReadOnlySpan<byte> Fetch(long offset, int sizeBytes)
    {
        if (offset < _start || offset + sizeBytes > _start + _length) Load(offset, sizeBytes);
        return _buffer.AsSpan((int)(offset - _start), sizeBytes);
    }

    public void Dispose()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void Load(long offset, int sizeBytes)
    {
        var length = (int)Math.Max(sizeBytes, Math.Min(ReadAheadBytes, end - offset));
        _length = 0;
        if (length > _buffer.Length)
        {
            Dispose();
            _buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        source.Read(offset, _buffer.AsSpan(0, length));
        _start = offset;
        _length = length;
    }
}
