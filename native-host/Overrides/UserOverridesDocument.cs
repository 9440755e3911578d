using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Host.Http;

namespace Tempo.Host.Overrides;

/// <summary>
/// What a tenant has set itself: a JSON object with a part of the keys of its limits, by the same names. It is kept as sent
/// and laid over the limits key by key.
/// </summary>
internal sealed partial class UserOverridesDocument
{
    private const int MaxDepth = 16;

    private static readonly string[] Processors =
        ["service-graphs", "span-metrics", "span-metrics-count", "span-metrics-latency", "span-metrics-size", "host-info"];
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // A name and what it is: a section with its own fields, or a kind of value. In the order in which they are written back.
    private sealed record Field(string Name, JsonKind Kind, Field[]? Fields = null);

    private enum JsonKind
    {
        Section,
        Text,
        Number,
        Flag,
        List,
        Map,
    }

    private static readonly Field[] Fields =
    [
        new("forwarders", JsonKind.List),
        Section("cost_attribution", new Field("dimensions", JsonKind.Map)),
        Section("metrics_generator",
            new("processors", JsonKind.List), new("collection_interval", JsonKind.Text), new("disable_collection", JsonKind.Flag),
            new("trace_id_label_name", JsonKind.Text), new("ingestion_time_range_slack", JsonKind.Text),
            new("generate_native_histograms", JsonKind.Text),
            new("native_histogram_max_bucket_number", JsonKind.Number), new("span_name_sanitization", JsonKind.Text),
            Section("processor",
                Section("service_graphs",
                    new("histogram_buckets", JsonKind.List), new("dimensions", JsonKind.List), new("peer_attributes", JsonKind.List),
                    new("filter_policies", JsonKind.List),
                    new("enable_client_server_prefix", JsonKind.Flag), new("enable_messaging_system_latency_histogram", JsonKind.Flag),
                    new("enable_virtual_node_label", JsonKind.Flag), new("span_multiplier_key", JsonKind.Text)),
                Section("span_metrics",
                    new("histogram_buckets", JsonKind.List), new("dimensions", JsonKind.List), new("intrinsic_dimensions", JsonKind.Map),
                    new("dimension_mappings", JsonKind.List),
                    new("filter_policies", JsonKind.List), new("enable_target_info", JsonKind.Flag),
                    new("target_info_excluded_dimensions", JsonKind.List),
                    new("enable_instance_label", JsonKind.Flag), new("span_multiplier_key", JsonKind.Text)),
                Section("host_info", new("host_identifiers", JsonKind.List), new("metric_name", JsonKind.Text)))),
    ];

    private readonly JsonObject _json;

    private UserOverridesDocument(JsonObject json) => _json = json;

    /// <summary>Null and the error for the client if the text is no such object, or a value in it is not allowed.</summary>
    public static UserOverridesDocument? Parse(ReadOnlySpan<byte> text, out string error, Func<string, bool>? isForwarder = null) =>
        ParseObject(text, out error) is { } json ? Check(json, isForwarder, out error) : null;

    /// <summary>This document with a merge patch applied (RFC 7386).</summary>
    public static UserOverridesDocument? Patch(
        UserOverridesDocument? document, ReadOnlySpan<byte> patch, out string error, Func<string, bool>? isForwarder = null)
    {
        if (ParseObject(patch, out error) is not { } changes) return null;
        var merged = document is null ? [] : (JsonObject)document._json.DeepClone();
        Merge(merged, changes);
        return Check(merged, isForwarder, out error);
    }

    /// <summary>As it is stored, and answered: known fields in a fixed order, sections always.</summary>
    public byte[] ToJson()
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, Plain)) Write(writer, Fields, _json);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Lays what is set over the limits.</summary>
    public TenantLimits ApplyTo(TenantLimits limits)
    {
        var options = new HostOptions { Limits = limits };
        ConfigFile.ApplyLimits((YamlMapping)ToYaml(_json), options);
        return options.Limits;
    }

    private static Field Section(string name, params Field[] fields) => new(name, JsonKind.Section, fields);

    private static JsonObject? ParseObject(ReadOnlySpan<byte> text, out string error)
    {
        error = JsonUnicode.IsSound(text) ? "" : $"json: {JsonUnicode.Error}";
        if (error.Length > 0) return null;
        try
        {
            var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth });
            if (JsonNode.Parse(ref reader) is not JsonObject json) error = "json: an object is expected";
            else if (reader.Read()) error = "json: one object is expected";
            else return json;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            // ArgumentException: a name that stands twice.
            error = e is JsonException { BytePositionInLine: { } at } ? Describe(text, (int)at) : $"json: {e.Message}";
        }

        return null;
    }

    private static string Describe(ReadOnlySpan<byte> text, int at) =>
        at >= text.Length ? "unexpected end of JSON input"
        : $"invalid character '{(char)text[at]}' {(at > 0 && text[at - 1] == '{' ? "looking for beginning of object key string" : "looking for beginning of value")}";

    private static UserOverridesDocument? Check(JsonObject json, Func<string, bool>? isForwarder, out string error)
    {
        error = CheckFields(Fields, json) ?? CheckValues(json, isForwarder) ?? "";
        if (error.Length > 0) return null;
        error = ConfigFile.ApplyLimits((YamlMapping)ToYaml(json), new HostOptions()).FirstOrDefault("");
        return error.Length == 0 ? new UserOverridesDocument(json) : null;
    }

    private static string? CheckFields(Field[] fields, JsonObject json)
    {
        foreach (var (name, value) in json)
        {
            if (Array.Find(fields, field => field.Name == name) is not { } field) return $"json: unknown field {GoText.Quote(name)}";
            if (value is null) continue;
            var isGood = (field.Kind, value.GetValueKind()) switch
            {
                (JsonKind.Section or JsonKind.Map, JsonValueKind.Object) or (JsonKind.List, JsonValueKind.Array)
                    or (JsonKind.Text, JsonValueKind.String)
                    or (JsonKind.Number, JsonValueKind.Number) or (JsonKind.Flag, JsonValueKind.True or JsonValueKind.False) => true,
                _ => false,
            };
            if (!isGood) return $"json: cannot unmarshal {value.GetValueKind().ToString().ToLowerInvariant()} into field {name}";
            if (field.Fields is { } inner && CheckFields(inner, (JsonObject)value) is { } error) return error;
        }

        return null;
    }

    private static string? CheckValues(JsonObject json, Func<string, bool>? isForwarder)
    {
        if ((json["forwarders"] as JsonArray)?.Select(TextOf).FirstOrDefault(name => isForwarder?.Invoke(name) != true) is { } unknown)
            return $"forwarder {GoText.Quote(unknown)} is not a known forwarder, contact your system administrator";
        if (json["metrics_generator"] is not JsonObject generator) return null;
        foreach (var processor in generator["processors"] as JsonArray ?? [])
        {
            if (!Processors.Contains(TextOf(processor)))
                return $"metrics_generator.processor {GoText.Quote(TextOf(processor))} is not a known processor, valid values: [{string.Join(' ', Processors)}]";
        }

        if (generator["collection_interval"] is { } interval && GoDuration.TryParse(TextOf(interval), out var nanoseconds, out _)
            && nanoseconds is < 15_000_000_000 or > 300_000_000_000)
            return $"metrics_generator.collection_interval {GoText.Quote(TextOf(interval))} is outside acceptable range of 15s to 5m";
        return null;
    }

    private static string TextOf(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : node?.ToJsonString() ?? "null";

    private static void Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null) target.Remove(name);
            else if (value is JsonObject inner)
            {
                if (target[name] is not JsonObject below) target[name] = below = [];
                Merge(below, inner);
            }
            else target[name] = value.DeepClone();
        }
    }

    private static void Write(Utf8JsonWriter writer, Field[] fields, JsonObject? json)
    {
        writer.WriteStartObject();
        foreach (var field in fields)
        {
            var value = json?[field.Name];
            if (field.Fields is { } inner)
            {
                writer.WritePropertyName(field.Name);
                Write(writer, inner, value as JsonObject);
            }
            else if (value is not null)
            {
                writer.WritePropertyName(field.Name);
                value.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }

    private static YamlNode ToYaml(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject json:
                var mapping = new YamlMapping(1);
                foreach (var (name, value) in json) mapping.TryAdd(new YamlEntry(name, 1, ToYaml(value)));
                return mapping;
            case JsonArray array:
                var list = new YamlSequence(1);
                foreach (var item in array) list.Add(ToYaml(item));
                return list;
            case null: return new YamlScalar(1, "", quoted: false);
            default: return new YamlScalar(1, TextOf(node), quoted: node.GetValueKind() == JsonValueKind.String);
        }
    }
}
