namespace Tempo.Engine.Storage.Compaction;

/// <summary>How long blocks are kept.</summary>
public sealed record RetentionOptions
{
    /// <summary>A block whose last span ended longer ago than this is marked compacted. 0: kept for ever.</summary>
    public TimeSpan BlockRetention { get; init; } = TimeSpan.FromHours(336);

    /// <summary>A block that has been marked compacted for this long is deleted.</summary>
    public TimeSpan CompactedBlockRetention { get; init; } = TimeSpan.FromHours(1);
}
