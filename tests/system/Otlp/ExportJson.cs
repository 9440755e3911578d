using System.Globalization;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Otlp;

/// <summary>Encodes an ExportTraceServiceRequest of simple spans (no events, no links) in OTLP/JSON: hex ids, 64-bit integers
/// as text. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding</summary>
internal static class ExportJson
{
    /// <summary>One ResourceSpans and one ScopeSpans per run of spans with the same resource and scope.</summary>
    public static string Encode(IEnumerable<SpanFacts> spans)
    {
        var resourceSpans = spans.GroupBy(s => (s.Resource, s.ScopeName, s.ScopeVersion)).Select(group => new JsonObject
        {
            ["resource"] = new JsonObject { ["attributes"] = Attributes(group.Key.Resource) },
            ["scopeSpans"] = new JsonArray(new JsonObject
            {
                ["scope"] = new JsonObject { ["name"] = group.Key.ScopeName, ["version"] = group.Key.ScopeVersion },
                ["spans"] = new JsonArray([.. group.Select(Span)]),
            }),
        });
        return new JsonObject { ["resourceSpans"] = new JsonArray([.. resourceSpans]) }.ToJsonString();
    }

    private static JsonObject Span(SpanFacts span)
    {
        var json = new JsonObject
        {
            ["name"] = span.Name,
            ["kind"] = span.Kind,
            ["startTimeUnixNano"] = span.StartUnixNano.ToString(CultureInfo.InvariantCulture),
            ["endTimeUnixNano"] = span.EndUnixNano.ToString(CultureInfo.InvariantCulture),
            ["attributes"] = Attributes(span.Attributes),
        };
        // What is empty is left out, as protobuf's JSON mapping writes it.
        foreach (var (name, id) in new[] { ("traceId", span.TraceId), ("spanId", span.SpanId), ("parentSpanId", span.ParentSpanId) })
            if (id.Length > 0) json[name] = id;
        return json;
    }

    private static JsonArray Attributes(IReadOnlyList<AttributeFacts> attributes) =>
        [.. attributes.Select(attribute => new JsonObject { ["key"] = attribute.Key, ["value"] = Value(attribute.Value) })];

    /// <summary>Scalars of the notation of <see cref="ValueText"/>.</summary>
    private static JsonObject Value(string text) =>
        (text[..text.IndexOf(':', StringComparison.Ordinal)], text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]) switch
        {
            ("string", var value) => new JsonObject { ["stringValue"] = value },
            ("int", var value) => new JsonObject { ["intValue"] = value },
            ("bool", var value) => new JsonObject { ["boolValue"] = value == "true" },
            _ => throw new NotSupportedException(text),
        };
}
