using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// A segment file seen through a window that slides forward. Read, not mapped: a sector that cannot be read is then an
/// error code and costs its 4 KiB, where a mapping would end the process at every start.
/// </summary>
internal sealed unsafe class SegmentWindow(IDiskFile file, NativeBuffer memory)
{
    private const int WindowBytes = 1 << 20;
    private const int PageBytes = 4096;

    private long _start;
    private int _count;

    public long Length { get; } = file.Length;

    /// <summary>A page was unreadable and has been taken for zeros.</summary>
    public bool HasUnreadable { get; private set; }

    /// <summary>
    /// The bytes at <paramref name="offset"/>: <paramref name="count"/> of them, or fewer at the end of the file. Valid until
    /// the next call. The caller has verified <paramref name="count"/>, or it is small.
    /// </summary>
    public ReadOnlySpan<byte> Get(long offset, int count)
    {
        count = (int)Math.Min(count, Length - offset);
        if (count <= 0) return default;
        if (offset < _start || offset + count > _start + _count) Slide(offset, count);
        return new ReadOnlySpan<byte>(memory.Pointer + (offset - _start), count);
    }

    /// <summary>As many bytes at <paramref name="offset"/> as the window has, at least 8 unless the file ends.</summary>
    public ReadOnlySpan<byte> GetRest(long offset)
    {
        Get(offset, WalFormat.Alignment);
        return Get(offset, (int)(_start + _count - offset));
    }

    private void Slide(long offset, int count)
    {
        _start = offset & -PageBytes;
        _count = (int)Math.Min(Math.Max(WindowBytes, offset - _start + count), Length - _start);
        memory.Reserve(_count);
        var window = new Span<byte>(memory.Pointer, _count);
        if (TryFill(window, _start)) return;
        for (var at = 0; at < _count; at += PageBytes)
        {
            var page = window.Slice(at, Math.Min(PageBytes, _count - at));
            if (TryFill(page, _start + at)) continue;
            page.Clear();
            HasUnreadable = true;
        }
    }

    private bool TryFill(Span<byte> destination, long offset) =>
        file.Read(offset, destination, out var count) == DiskError.None && count == destination.Length;
}
