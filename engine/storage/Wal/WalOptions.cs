namespace Tempo.Engine.Storage.Wal;

/// <summary>How a <see cref="WriteAheadLog"/> lays out its files and when it acknowledges.</summary>
public sealed record WalOptions
{
    /// <summary>Size of a segment file in bytes, 8 KiB to 1 GiB. A record that does not fit gets a file of its own size.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>What an acknowledgement promises.</summary>
    public WalSyncMode Sync { get; init; } = WalSyncMode.Group;

    /// <summary>Files that are allocated ahead, so that a full disk is met before acknowledgements depend on space.</summary>
    public int SpareSegments { get; init; } = 1;

    /// <summary>
    /// Files of released generations that are kept for reuse at most; the rest is deleted. A sync of blocks that were written
    /// before is cheaper than one of fresh blocks, whose first write the file system has to record as well.
    /// </summary>
    public int MaxSpareSegments { get; init; } = 4;

    /// <summary>Bytes that one write and sync takes together at most: bounds what the first waiter of a group waits for.</summary>
    public int MaxGroupBytes { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes of the disk that stay free besides what the cut of the logged data needs; 0: nothing is kept free, and the log takes
    /// all there is. See <see cref="DiskReserve"/>.
    /// </summary>
    public long ReserveBytes { get; init; }

    /// <summary>The folder's name in messages.</summary>
    public string Place { get; init; } = "";

    /// <summary>
    /// False: there is no commit thread, and nothing is committed until the owner calls
    /// <see cref="WriteAheadLog.CommitQueued"/>; completions then run on the owner's thread. For simulation.
    /// </summary>
    public bool OwnCommitThread { get; init; } = true;
}

/// <summary>When an append is acknowledged.</summary>
public enum WalSyncMode
{
    /// <summary>After fdatasync of its group: survives a power cut.</summary>
    Group,

    /// <summary>After write(): survives the death of the process, not that of the machine.</summary>
    Os,
}
