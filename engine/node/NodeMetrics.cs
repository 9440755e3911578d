using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node;

/// <summary>The node's own metrics, with Tempo's names where Tempo has one.</summary>
internal sealed class NodeMetrics(MetricRegistry registry)
{
    public CounterFamily SpansReceived { get; } =
        registry.Counter("tempo_distributor_spans_received_total", "Spans received, valid or not.", "tenant");

    public CounterFamily BytesReceived { get; } =
        registry.Counter("tempo_distributor_bytes_received_total", "OTLP bytes received, after decompression.", "tenant");

    public CounterFamily SpansDiscarded { get; } =
        registry.Counter("tempo_discarded_spans_total", "Spans that were not kept, by reason; the sender was told.", "reason", "tenant");

    public CounterFamily AttributesTruncated { get; } = registry.Counter(
        "tempo_distributor_attributes_truncated_total", "Keys and string values cut to max_attribute_bytes.", "tenant", "scope");

    public CounterFamily AttributesDropped { get; } = registry.Counter("tempo_distributor_attributes_dropped_total",
        "Attributes that are nested too deep; each has become the text <too deep>.", "tenant");

    public CounterFamily TextsReplaced { get; } = registry.Counter(
        "tempo_distributor_utf8_replaced_total", "Texts that were not UTF-8; what is not in them has become U+FFFD.", "tenant");

    public CounterFamily TimeAnomalies { get; } = registry.Counter("tempo_distributor_spans_time_anomaly_total",
        "Spans that start more than an hour ahead (future) or 14 days ago (past), or else end before they start (end_before_start); stored all the same.", "tenant", "kind");

    public CounterFamily SpansStored { get; } = registry.Counter("tempo_ingested_spans_total", "Spans that were acknowledged.", "tenant");

    public CounterFamily BlocksCut { get; } = registry.Counter("tempo_live_store_blocks_completed_total", "Blocks written from live data.");

    public CounterFamily CutsFailed { get; } =
        registry.Counter("tempo_live_store_failed_completions_total", "Cuts that failed and are tried again.");

    public CounterFamily BlockBytes { get; } =
        registry.Counter("tempo_live_store_completion_size_bytes_total", "Bytes of the blocks written from live data.");

    public CounterFamily Warnings { get; } = registry.Counter(
        "tempo_warnings_total", "Traces that are not as they should be, by reason; nothing of them is lost.", "tenant", "reason");

    public void CountTruncated(TenantId tenant, in TruncatedAttributes truncated)
    {
        Add("resource", truncated.Resource);
        Add("scope", truncated.Scope);
        Add("span", truncated.Span);
        Add("event", truncated.Event);
        Add("link", truncated.Link);

        void Add(string scope, int count)
        {
            if (count > 0) AttributesTruncated.With(tenant.Value, scope).Add(count);
        }
    }

    /// <summary>Counts what is odd about a request and stored all the same.</summary>
    public void CountOddities(TenantId tenant, in SpanTimes times, int tooDeepAttributes)
    {
        if (tooDeepAttributes > 0) AttributesDropped.With(tenant.Value).Add(tooDeepAttributes);
        Add("future", times.Future);
        Add("past", times.Past);
        Add("end_before_start", times.EndBeforeStart);

        void Add(string kind, int count)
        {
            if (count > 0) TimeAnomalies.With(tenant.Value, kind).Add(count);
        }
    }

    /// <summary>Drops the counters of a tenant that is no longer known.</summary>
    public void Forget(TenantId tenant)
    {
        foreach (var family in new[] { SpansReceived, BytesReceived, SpansDiscarded, SpansStored, AttributesTruncated, AttributesDropped,
            TextsReplaced, TimeAnomalies, Warnings })
            family.Remove("tenant", tenant.Value);
    }
}
