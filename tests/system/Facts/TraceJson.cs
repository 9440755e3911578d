using System.Globalization;
using System.Text.Json;

namespace Tempo.SystemTests.Facts;

/// <summary>Reads spans out of JSON: the server's answers (protobuf-JSON: base64 ids, enum names) and the flat form in
/// which the node programs print (see senders/facts.mjs: hex ids, enum numbers).</summary>
public static class TraceJson
{
    private static readonly string[] Kinds =
        ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];

    private static readonly string[] StatusCodes = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

    /// <summary>The spans of a Trace message as the query API writes it.</summary>
    public static IReadOnlyList<SpanFacts> SpansOfTrace(JsonElement trace)
    {
        var spans = new List<SpanFacts>();
        foreach (var batch in List(trace, trace.TryGetProperty("batches", out _) ? "batches" : "resourceSpans"))
        {
            var resource = Attributes(Member(batch, "resource"));
            foreach (var scopeSpans in List(batch, "scopeSpans"))
            {
                var scope = Member(scopeSpans, "scope");
                spans.AddRange(List(scopeSpans, "spans").Select(span => Span(span, scope, resource, Base64ToHex)));
            }
        }

        return spans;
    }

    /// <summary>The spans that a node program printed.</summary>
    public static IReadOnlyList<SpanFacts> SpansOfNodeProgram(JsonElement list) =>
        [.. list.EnumerateArray().Select(span => Span(span, Member(span, "scope"), Attributes(span, "resource"), hex => hex))];

    private static SpanFacts Span(JsonElement span, JsonElement scope, IReadOnlyList<AttributeFacts> resource, Func<string, string> id) =>
        new()
        {
            TraceId = id(Text(span, "traceId")),
            SpanId = id(Text(span, "spanId")),
            ParentSpanId = id(Text(span, "parentSpanId")),
            TraceState = Text(span, "traceState"),
            Name = Text(span, "name"),
            Kind = Enumeration(span, "kind", Kinds),
            StartUnixNano = UnixNano(span, "startTimeUnixNano"),
            EndUnixNano = UnixNano(span, "endTimeUnixNano"),
            Attributes = Attributes(span),
            Events = [.. List(span, "events").Select(e => new EventFacts(Text(e, "name"), UnixNano(e, "timeUnixNano"), Attributes(e)))],
            Links = [.. List(span, "links").Select(l => new LinkFacts(id(Text(l, "traceId")), id(Text(l, "spanId")), Attributes(l)))],
            StatusCode = Enumeration(Member(span, "status"), "code", StatusCodes),
            StatusMessage = Text(Member(span, "status"), "message"),
            ScopeName = Text(scope, "name"),
            ScopeVersion = Text(scope, "version"),
            Resource = resource,
        };

    private static IReadOnlyList<AttributeFacts> Attributes(JsonElement owner, string name = "attributes") =>
        [.. List(owner, name).Select(kv => new AttributeFacts(Text(kv, "key"), ValueText.OfJson(Member(kv, "value"))))];

    // A member with the zero value is left out of protobuf-JSON: what is absent reads as zero.
    private static JsonElement Member(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var member) ? member : EmptyObject;

    private static readonly JsonElement EmptyObject = JsonElement.Parse("{}");

    private static IEnumerable<JsonElement> List(JsonElement owner, string name) =>
        Member(owner, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    private static string Text(JsonElement owner, string name) =>
        Member(owner, name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";

    private static ulong UnixNano(JsonElement owner, string name) =>
        Text(owner, name) is { Length: > 0 } digits ? ulong.Parse(digits, CultureInfo.InvariantCulture) : 0;

    private static int Enumeration(JsonElement owner, string name, string[] names)
    {
        var value = Member(owner, name);
        return value.ValueKind switch
        {
            JsonValueKind.Number => value.GetInt32(),
            JsonValueKind.String =>
                Array.IndexOf(names, value.GetString()) is >= 0 and var number ? number : throw new FormatException($"{name}: {value}"),
            _ => 0,
        };
    }

    private static string Base64ToHex(string base64) => Convert.ToHexStringLower(Convert.FromBase64String(base64));
}
