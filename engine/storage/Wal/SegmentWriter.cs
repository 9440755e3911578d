using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The write end of one segment. Used by one thread at a time. It only ever appends; after the first failure it is
/// poisoned: nothing is written to it again, and what was not acknowledged by then never is. (After a failed fdatasync
/// the kernel may have dropped the pages and call the next one a success.)
/// </summary>
internal sealed class SegmentWriter(IDiskFile file, SegmentFile entry, SegmentKey key, long sizeBytes) : IDisposable
{
    public SegmentKey Key { get; } = key;

    /// <summary>The segment's place in its folder.</summary>
    public SegmentFile Entry { get; } = entry;

    /// <summary>Where the next record goes; ahead of what is written while a group is being gathered.</summary>
    public long Position { get; private set; } = WalFormat.RecordsOffset;

    /// <summary>Everything before this offset has been acknowledged.</summary>
    public long AcknowledgedBytes { get; private set; } = WalFormat.RecordsOffset;

    /// <summary>The failure that ended it, if any.</summary>
    public DiskError Failure { get; private set; }

    public bool Fits(int recordBytes) => Failure == DiskError.None && Position + recordBytes <= sizeBytes;

    /// <summary>Takes the next place.</summary>
    public long Reserve(int recordBytes)
    {
        var offset = Position;
        Position += recordBytes;
        return offset;
    }

    /// <summary>Writes gathered records at the offset of the first of them.</summary>
    public void Write(ReadOnlySpan<IoSlice> slices, long offset)
    {
        if (Failure == DiskError.None) Failure = file.Write(slices, offset);
    }

    public void Sync()
    {
        if (Failure == DiskError.None) Failure = file.Sync();
    }

    /// <summary>All that was written is safe.</summary>
    public void Acknowledge() => AcknowledgedBytes = Position;

    public void Dispose() => file.Dispose();
}
