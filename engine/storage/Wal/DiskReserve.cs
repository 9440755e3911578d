using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// How much of the disk the log may take. A log that takes the last byte can never be given back: its data becomes blocks, and
/// they need space before the log's files are free.
/// <code>
/// kept      = reserve + bytes of the segments that are not released    a block is not larger than the requests it was made of;
///                                                                      the reserve is for what each block has besides
/// room      = free - kept
/// a new segment of n bytes takes n and has n more kept free. It may take a quarter of the room:
///             4 n <= room, so that as much is left for the generation that follows while this one is cut
/// †         where that fails for a segment of the common size, spares are deleted and a smaller one is made
/// </code>
/// So whatever is logged, the cut finds space, as long as nobody else takes it. Guarded by the folder's lock.
/// </summary>
internal sealed class DiskReserve(IDisk disk, WalOptions options)
{
    // A smaller segment would be full after a request or two, and each begins with a folder's sync.
    private long LeastBytes { get; } = Math.Clamp(options.SegmentBytes / 64, 2 * WalFormat.RecordsOffset, 1 << 20);

    /// <summary>The sizes of the segments that are not released, together.</summary>
    public long LoggedBytes { get; private set; }

    /// <summary>What has to stay free.</summary>
    public long KeptBytes => IsOn ? options.ReserveBytes + LoggedBytes : 0;

    /// <summary>What is free, or null if nobody asks or the disk does not tell.</summary>
    public long? FreeBytes => IsOn && disk.TryGetFreeBytes(out var free) == DiskError.None ? free : null;

    /// <summary>Less is free than has to be.</summary>
    public bool IsTouched => FreeBytes < KeptBytes;

    private bool IsOn => options.ReserveBytes > 0;

    public void Add(SegmentFile file) => LoggedBytes += file.SizeBytes;

    public void Remove(SegmentFile file) => LoggedBytes -= file.SizeBytes;

    /// <summary>A spare, which is allocated already, may become a segment.</summary>
    public bool AllowsSpareAsSegment(long bytes) => FreeBytes is not { } free || free >= KeptBytes + 3 * bytes;

    /// <summary>A spare of this size may be allocated, and still become a segment.</summary>
    public bool AllowsNewSpare(long bytes) => FreeBytes is not { } free || free - bytes >= KeptBytes + 3 * bytes;

    /// <summary>
    /// A segment of this size that is just being released (and still counts) may stay as a spare, and become a segment again.
    /// </summary>
    public bool AllowsRecycling => !IsTouched;

    /// <summary>
    /// The size of a segment that may be made: the wanted one, a smaller one but not below <paramref name="least"/>, or 0.
    /// </summary>
    public long Affordable(long wanted, long least)
    {
        if (FreeBytes is not { } free) return wanted;
        var size = Math.Min(wanted, ((free - KeptBytes) / 4) & -4096);
        return size >= Math.Min(wanted, Math.Max(least, LeastBytes)) ? size : 0;
    }

    /// <summary>What to say where nothing may be made.</summary>
    public string Describe() =>
        $"{(options.Place.Length == 0 ? "its disk" : options.Place)} has {FreeBytes ?? 0} bytes free; {KeptBytes} are kept to write what is logged as blocks "
        + $"({LoggedBytes} bytes of segments and storage.trace.wal.reserve_bytes, {options.ReserveBytes})";
}
