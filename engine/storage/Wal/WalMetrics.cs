using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>The log's metrics.</summary>
internal sealed class WalMetrics(MetricRegistry registry)
{
    // fdatasync: 0.1 ms on a fast disk, tens of milliseconds on a spinning or shared one, seconds on one in trouble.
    private static readonly double[] SyncSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

    public Counter Appends { get; } = registry.Counter("tempo_wal_appends_total", "Records that were acknowledged.").With();

    public Counter AppendedBytes { get; } =
        registry.Counter("tempo_wal_appended_bytes_total", "Payload bytes that were acknowledged.").With();

    public Counter Syncs { get; } = registry.Counter("tempo_wal_syncs_total", "Group commits that were synced.").With();

    public Counter SyncFailures { get; } =
        registry.Counter("tempo_wal_sync_failures_total", "Writes and syncs that failed; each poisoned its segment.").With();

    public Counter CorruptBytes { get; } =
        registry.Counter("tempo_wal_corrupt_bytes_total", "Acknowledged bytes that replay had to skip.").With();

    public Counter Segments { get; } = registry.Gauge("tempo_wal_segments", "Segment files of generations that are not released.").With();

    public Histogram SyncDuration { get; } = registry.Histogram("tempo_wal_sync_duration_seconds", "Time of one sync.", SyncSeconds).With();
}
