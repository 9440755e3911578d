using System.Text.Json.Nodes;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;

namespace Tempo.Host.Overrides;

/// <summary>The way back: limits as the document that would set them.</summary>
internal sealed partial class UserOverridesDocument
{
    /// <summary>All that a tenant can set, as it holds: every field, but for switches that nobody has set.</summary>
    public static UserOverridesDocument Of(TenantLimits limits)
    {
        var generator = limits.MetricsGenerator;
        var (graphs, spans, host) = (generator.ServiceGraphs, generator.SpanMetrics, generator.HostInfo);
        return new UserOverridesDocument(new JsonObject
        {
            ["forwarders"] = Texts(limits.Forwarders),
            ["cost_attribution"] =
                new JsonObject { ["dimensions"] = Map(limits.CostAttribution.Dimensions, static text => JsonValue.Create(text)) },
            ["metrics_generator"] = new JsonObject
            {
                ["processors"] = Texts(generator.Processors),
                ["collection_interval"] = GoDuration.Format(generator.CollectionInterval),
                ["disable_collection"] = generator.IsCollectionDisabled,
                ["trace_id_label_name"] = generator.TraceIdLabelName,
                ["ingestion_time_range_slack"] = GoDuration.Format(generator.IngestionTimeRangeSlack),
                ["generate_native_histograms"] = generator.GenerateNativeHistograms,
                ["native_histogram_max_bucket_number"] = generator.NativeHistogramMaxBucketNumber,
                ["span_name_sanitization"] = generator.SpanNameSanitization,
                ["processor"] = new JsonObject
                {
                    ["service_graphs"] = new JsonObject
                    {
                        ["histogram_buckets"] = Numbers(graphs.HistogramBuckets),
                        ["dimensions"] = Texts(graphs.Dimensions),
                        ["peer_attributes"] = Texts(graphs.PeerAttributes),
                        ["filter_policies"] = Policies(graphs.FilterPolicies),
                        ["enable_client_server_prefix"] = graphs.IsClientServerPrefixEnabled,
                        ["enable_messaging_system_latency_histogram"] = graphs.IsMessagingSystemLatencyHistogramEnabled,
                        ["enable_virtual_node_label"] = graphs.IsVirtualNodeLabelEnabled,
                        ["span_multiplier_key"] = graphs.SpanMultiplierKey,
                    },
                    ["span_metrics"] = new JsonObject
                    {
                        ["histogram_buckets"] = Numbers(spans.HistogramBuckets),
                        ["dimensions"] = Texts(spans.Dimensions),
                        ["intrinsic_dimensions"] = Map(spans.IntrinsicDimensions, static isOn => JsonValue.Create(isOn)),
                        ["dimension_mappings"] = new JsonArray(
                            [.. spans.DimensionMappings.Select(
                                static m =>
                                    new JsonObject { ["name"] = m.Name, ["source_labels"] = Texts(m.SourceLabels), ["join"] = m.Join })]),
                        ["filter_policies"] = Policies(spans.FilterPolicies),
                        ["enable_target_info"] = spans.IsTargetInfoEnabled,
                        ["target_info_excluded_dimensions"] = Texts(spans.TargetInfoExcludedDimensions),
                        ["enable_instance_label"] = spans.IsInstanceLabelEnabled,
                        ["span_multiplier_key"] = spans.SpanMultiplierKey,
                    },
                    ["host_info"] =
                        new JsonObject { ["host_identifiers"] = Texts(host.HostIdentifiers), ["metric_name"] = host.MetricName },
                },
            },
        });
    }

    /// <summary>Paths of the fields that this document sets and the limits set as well, by a value that is not their zero.</summary>
    public List<string> FieldsSetIn(TenantLimits limits)
    {
        var both = new List<string>();
        Collect("", Fields, _json, Of(limits)._json, Of(new TenantLimits())._json);
        return both;

        void Collect(string at, Field[] fields, JsonObject? mine, JsonObject? theirs, JsonObject? zero)
        {
            foreach (var field in fields)
            {
                if (mine?[field.Name] is not { } value || theirs?[field.Name] is not { } other) continue;
                if (field.Fields is { } inner)
                    Collect($"{at}{field.Name}.", inner, value as JsonObject, other as JsonObject, zero?[field.Name] as JsonObject);
                else if (!JsonNode.DeepEquals(other, zero?[field.Name])) both.Add(at + field.Name);
            }
        }
    }

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(static text => JsonValue.Create(text))]);

    private static JsonArray Numbers(IEnumerable<double> numbers) => new([.. numbers.Select(static number => JsonValue.Create(number))]);

    private static JsonArray Policies(IEnumerable<FilterPolicy> policies) => new([.. policies.Select(static policy =>
    {
        var json = new JsonObject();
        foreach (var (name, match) in new[] { ("include", policy.Include), ("include_any", policy.IncludeAny),
            ("exclude", policy.Exclude) })
        {
            if (match is null) continue;
            json[name] = new JsonObject
            {
                ["match_type"] = match.MatchType,
                ["attributes"] = new JsonArray(
                    [.. match.Attributes.Select(static pair => new JsonObject { ["key"] = pair.Key, ["value"] = pair.Value })]),
            };
        }

        return json;
    })]);

    private static JsonObject Map<T>(IEnumerable<KeyValuePair<string, T>> pairs, Func<T, JsonNode?> value)
    {
        var json = new JsonObject();
        foreach (var (key, item) in pairs) json[key] = value(item);
        return json;
    }
}
