using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>How long blocks are kept.</summary>
public sealed record RetentionOptions
{
    /// <summary>A block whose last span ended longer ago than this is marked compacted. 0: kept for ever.</summary>
    public TimeSpan BlockRetention { get; init; } = TimeSpan.FromHours(336);

    /// <summary>A tenant's own <see cref="BlockRetention"/>; null: it has none. Asked each time.</summary>
    public Func<TenantId, TimeSpan?> TenantRetention { get; init; } = static _ => null;

    /// <summary>
    /// Bytes of data that all blocks may have together; beyond, the oldest go (<see cref="SpaceRetention"/>). 0: any number.
    /// </summary>
    public long MaxBytes { get; init; }

    /// <summary>Bytes of data that a tenant's blocks may have; 0: any number. Asked each time.</summary>
    public Func<TenantId, long> TenantMaxBytes { get; init; } = static _ => 0;

    /// <summary>
    /// Part of the disk, 0 to 1, that may be in use, by whomever; beyond, first what is marked compacted is deleted before its
    /// time, then the oldest blocks go. 0: all of it.
    /// </summary>
    public double MaxDiskShare { get; init; }

    /// <summary>A block that has been marked compacted for this long is deleted.</summary>
    public TimeSpan CompactedBlockRetention { get; init; } = TimeSpan.FromHours(1);
}
