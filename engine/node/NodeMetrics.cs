using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>The node's own metrics, with Tempo's names where Tempo has one.</summary>
internal sealed class NodeMetrics(MetricRegistry registry)
{
    public CounterFamily SpansReceived { get; } = registry.Counter("tempo_distributor_spans_received_total", "Spans received, valid or not.", "tenant");

    public CounterFamily BytesReceived { get; } = registry.Counter("tempo_distributor_bytes_received_total", "OTLP bytes received, after decompression.", "tenant");

    public CounterFamily SpansDiscarded { get; } = registry.Counter("tempo_discarded_spans_total", "Spans that were not kept, by reason; the sender was told.", "reason", "tenant");

    public CounterFamily AttributesTruncated { get; } = registry.Counter("tempo_distributor_attributes_truncated_total", "Keys and string values cut to distributor.max_attribute_bytes.");

    public CounterFamily SpansStored { get; } = registry.Counter("tempo_ingested_spans_total", "Spans that were acknowledged.", "tenant");

    public CounterFamily BlocksCut { get; } = registry.Counter("tempo_live_store_blocks_completed_total", "Blocks written from live data.");

    public CounterFamily CutsFailed { get; } = registry.Counter("tempo_live_store_failed_completions_total", "Cuts that failed and are tried again.");

    public CounterFamily BlockBytes { get; } = registry.Counter("tempo_live_store_completion_size_bytes_total", "Bytes of the blocks written from live data.");
}
