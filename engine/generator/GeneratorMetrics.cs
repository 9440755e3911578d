using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;

namespace Tempo.Engine.Generator;

/// <summary>The generator's own metrics, with Tempo's names.</summary>
internal sealed class GeneratorMetrics
{
    private const string Prefix = "tempo_metrics_generator_";
    private readonly MetricRegistry _registry;
    private readonly List<(CounterFamily Family, string[] Labels, Func<GeneratorCounts, long> Read)> _counters = [];
    private readonly List<(CounterFamily Family, Func<GeneratorCounts, long> Read)> _levels = [];

    public GeneratorMetrics(MetricRegistry registry)
    {
        _registry = registry;
        Counter("spans_received_total", "Spans that came to the generator.", static c => c.SpansReceived);
        Counter("bytes_received_total", "Request bytes that came to the generator.", static c => c.BytesReceived);
        Discard("outside_metrics_ingestion_slack", "all", static c => c.OutsideSlack);
        Discard("duplicate_span", "all", static c => c.Duplicates);
        Discard("span_metrics_filtered", "span-metrics", static c => c.SpanMetricsFiltered);
        Discard("invalid_utf8", "span-metrics", static c => c.SpanMetricsNotText);
        Discard("service_graphs_filtered", "service-graphs", static c => c.ServiceGraphsFiltered);
        Discard("invalid_utf8", "service-graphs", static c => c.ServiceGraphsNotText);
        Discard("invalid_utf8", "host-info", static c => c.HostInfoNotText);
        Counter("registry_series_added_total", "Series that came into being.", static c => c.SeriesAdded);
        Counter("registry_series_removed_total", "Series that were removed for want of values.", static c => c.SeriesRemoved);
        Counter("registry_series_limited_total", "Values that went to the overflow series.", static c => c.SeriesLimited);
        Counter("registry_spans_sanitized_total", "Spans whose name was replaced by its template, or would have been (dry_run).",
            static c => c.SpanNamesSanitized);
        Counter("registry_drain_patterns_detected_total", "Templates of span names.", static c => c.TemplatesMade);
        _counters.Add((registry.Counter(Prefix + "registry_drain_lines_skipped_total", "Span names of which only a part was looked at.",
            "reason", "tenant"), ["too_many_tokens"], static c => c.NamesCutShort));
        Counter("duplicate_window_shortened_total", "Times that spans were forgotten before their window was over, for want of room.",
            static c => c.DuplicateWindowsShortened);
        // Tempo's names end as no counter's should; untyped, they are the same to every query and no offence to a linter.
        Untyped("processor_service_graphs_edges", "Edges that began, with one side or with both.", static c => c.Edges);
        Untyped("processor_service_graphs_expired_edges", "Edges of which only one side was seen.", static c => c.ExpiredEdges);
        Untyped("processor_service_graphs_dropped_spans", "Spans that found no room to wait for their partner.",
            static c => c.DroppedSpans);
        Counter("processor_service_graphs_dropped_edges_total", "Edges whose names are not UTF-8, or of which a filter took one side.",
            static c => c.ServiceGraphsNotText + c.FilteredEdges);
        Level("registry_active_series", "Series that have a value.", static c => c.ActiveSeries);
        Level("registry_active_series_demand_estimate", "Series that there would be without a limit, roughly.",
            static c => c.DemandEstimate);
        Level("registry_entity_demand_estimate", "Label sets that there would be without a limit, roughly.",
            static c => c.EntityDemandEstimate);
        Level("registry_post_sanitization_demand_estimate", "Series of span metrics that there would be with templates for names, roughly.",
            static c => c.SanitizedDemandEstimate);
        Level("registry_active_entities", "Label sets that have a value.", static c => c.Entities);
    }

    /// <summary>By the instance that counts, and counted once a request of a tenant that has processors.</summary>
    public CounterFamily Pushes =>
        _registry.Counter(
            "tempo_distributor_metrics_generator_pushes_total", "Requests that were given to the generator.", "metrics_generator");

    public CounterFamily PushesFailed =>
        _registry.Counter(
            "tempo_distributor_metrics_generator_pushes_failures_total", "Requests whose spans could not be counted.", "metrics_generator");

    public CounterFamily LabelValuesLimited =>
        _registry.Counter(Prefix + "registry_label_values_limited_total",
            "Label values that were replaced because their label has too many.", "label_name", "tenant");

    public CounterFamily LabelDemandEstimate =>
        _registry.Gauge(Prefix + "registry_label_cardinality_demand_estimate",
            "Distinct values that a label with a cap would have without it, roughly.", "label_name", "tenant");

    public CounterFamily MaxActiveSeries =>
        _registry.Gauge(Prefix + "registry_max_active_series", "The tenant's limit; 0: none.", "tenant");

    public CounterFamily Collections => _registry.Counter(Prefix + "registry_collections_total", "Collections.", "tenant");

    public CounterFamily CollectionsFailed =>
        _registry.Counter(Prefix + "registry_collections_failed_total", "Collections of which something was lost.", "tenant", "error_type");

    public CounterFamily ActiveProcessors =>
        _registry.Gauge(Prefix + "active_processors", "1 where a processor is on.", "processor", "tenant");

    public CounterFamily ProcessorUpdatesFailed =>
        _registry.Counter(Prefix + "active_processors_update_failed_total", "Settings of tenants that could not be used.", "tenant");

    public CounterFamily RemoteWriteUpdatesFailed =>
        _registry.Counter(
            Prefix + "storage_remote_write_update_failed_total", "Times that a tenant's queue could not be opened.", "tenant");

    /// <summary>Levels of series that are no more.</summary>
    public void ForgetLevels(TenantId tenant)
    {
        foreach (var (family, _) in _levels) family.Remove("tenant", tenant.Value);
        LabelDemandEstimate.Remove("tenant", tenant.Value);
    }

    /// <summary>Adds what has grown since <paramref name="before"/>, and sets the levels.</summary>
    public void Show(TenantId tenant, in GeneratorCounts before, in GeneratorCounts now)
    {
        foreach (var (family, labels, read) in _counters) family.With([.. labels, tenant.Value]).Add(read(now) - read(before));
        foreach (var (family, read) in _levels) family.With(tenant.Value).Set(read(now));
    }

    /// <summary>The same of the labels with a cap; <paramref name="shown"/> is what was shown before, and then what is now.</summary>
    public void Show(TenantId tenant, Dictionary<string, long> shown, List<LabelDemand> demands)
    {
        // Two tables may have a label of one name.
        foreach (var label in demands.GroupBy(static demand => demand.Name))
        {
            var limited = label.Sum(static demand => demand.LimitedCount);
            LabelValuesLimited.With(label.Key, tenant.Value).Add(limited - shown.GetValueOrDefault(label.Key));
            LabelDemandEstimate.With(label.Key, tenant.Value).Set(label.Max(static demand => demand.DistinctEstimate));
            shown[label.Key] = limited;
        }
    }

    /// <summary>Drops the metrics of a tenant that is no longer known.</summary>
    public void Forget(TenantId tenant)
    {
        CounterFamily[] others = [MaxActiveSeries, Collections, CollectionsFailed, ActiveProcessors, ProcessorUpdatesFailed,
            RemoteWriteUpdatesFailed, LabelValuesLimited, LabelDemandEstimate];
        foreach (var family in _counters.Select(static c => c.Family).Concat(_levels.Select(static l => l.Family)).Concat(others))
            family.Remove("tenant", tenant.Value);
    }

    private void Counter(string name, string help, Func<GeneratorCounts, long> read) =>
        _counters.Add((_registry.Counter(Prefix + name, help, "tenant"), [], read));

    private void Untyped(string name, string help, Func<GeneratorCounts, long> read) =>
        _counters.Add((_registry.Untyped(Prefix + name, help, "tenant"), [], read));

    private void Level(string name, string help, Func<GeneratorCounts, long> read) =>
        _levels.Add((_registry.Gauge(Prefix + name, help, "tenant"), read));

    private void Discard(string reason, string processor, Func<GeneratorCounts, long> read) =>
        _counters.Add((_registry.Counter(Prefix + "spans_discarded_total", "Spans that were stored but not counted, by reason.", "reason",
            "processor", "tenant"), [reason, processor], read));
}
