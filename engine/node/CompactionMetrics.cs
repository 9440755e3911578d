using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>What compaction and retention tell of themselves, with Tempo's names where Tempo has one.</summary>
internal sealed class CompactionMetrics(MetricRegistry registry)
{
    public CounterFamily InputBlocks { get; } = registry.Counter(
        "tempodb_compaction_blocks_total", "Blocks that were compacted into others, by the level of the new block.", "level");

    public CounterFamily TracesWritten { get; } =
        registry.Counter("tempodb_compaction_objects_written_total", "Traces written by compaction.", "level");

    public CounterFamily TracesCombined { get; } = registry.Counter(
        "tempodb_compaction_objects_combined_total", "Traces that were in more than one input and became one row.", "level");

    public CounterFamily BytesWritten { get; } =
        registry.Counter("tempodb_compaction_bytes_written_total", "Bytes of the data that compaction wrote.", "level");

    public CounterFamily DuplicateSpans { get; } =
        registry.Counter("tempodb_compaction_spans_deduped_total", "Spans that compaction found more than once.");

    public CounterFamily CopiedBytes { get; } =
        registry.Counter("tempodb_compaction_bytes_copied_total", "Bytes of pages that compaction took over as they were.");

    public CounterFamily DeletedTraces { get; } =
        registry.Counter("tempodb_compaction_traces_deleted_total", "Deleted traces that were taken out of a block.");

    public CounterFamily Errors { get; } = registry.Counter("tempodb_compaction_errors_total", "Compactions that failed.");

    public CounterFamily OutstandingBlocks { get; } =
        registry.Gauge("tempodb_compaction_outstanding_blocks", "Blocks that have others to be compacted with.", "tenant");

    public CounterFamily QuarantinedBlocks { get; } = registry.Gauge(
        "tempodb_compaction_quarantined_blocks", "Blocks that could not be read, or not be merged, and are left out of compaction.");

    public CounterFamily IsFailing { get; } = registry.Gauge("tempodb_compaction_failing", "1 while the last round of compaction failed.");

    public CounterFamily Marked { get; } = registry.Counter("tempodb_retention_marked_for_deletion_total", "Blocks that expired.");

    public CounterFamily Deleted { get; } =
        registry.Counter("tempodb_retention_deleted_total", "Blocks that were deleted, with all their objects.");

    public CounterFamily RetentionErrors { get; } = registry.Counter("tempodb_retention_errors_total", "Rounds of retention that failed.");

    public HistogramFamily RetentionSeconds { get; } =
        registry.Histogram("tempodb_retention_duration_seconds", "Time of a round of retention.", [0.01, 0.1, 1, 10, 60]);
}
