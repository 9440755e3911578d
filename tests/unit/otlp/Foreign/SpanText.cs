using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Otlp;

namespace Tempo.Otlp.Tests.Foreign;

/// <summary>An OTLP request as one line a span, to compare with what was meant.</summary>
internal static class SpanText
{
    /// <summary>
    /// <c>{resource} scope | trace/span&lt;parent KIND name start+duration {attributes} events links status</c>, with ids in hex
    /// without leading zeros and times in nanoseconds.
    /// </summary>
    public static string[] Of(ReadOnlySpan<byte> request)
    {
        var json = new ArrayBufferWriter<byte>();
        if (!OtlpJsonWriter.TryWrite(request, OtlpJsonWriter.ResourceSpansKey, json, out var error))
            throw new FormatException(error.Message);
        using var document = JsonDocument.Parse(json.WrittenMemory);
        if (!document.RootElement.TryGetProperty("resourceSpans", out var resources)) return [];
        var lines = new List<string>();
        foreach (var resource in resources.EnumerateArray())
            foreach (var scope in resource.GetProperty("scopeSpans").EnumerateArray())
                foreach (var span in Items(scope, "spans"))
                    lines.Add($"{Attributes(resource, "resource")} {Scope(scope)} | {Span(span)}".Replace(
                        "   ", " ", StringComparison.Ordinal).Replace("  ", " ", StringComparison.Ordinal));
        return [.. lines];
    }

    private static string Span(JsonElement span)
    {
        var start = ulong.Parse(Text(span, "startTimeUnixNano", "0"), CultureInfo.InvariantCulture);
        var end = ulong.Parse(Text(span, "endTimeUnixNano", "0"), CultureInfo.InvariantCulture);
        var kind = Text(span, "kind", "").Replace("SPAN_KIND_", "", StringComparison.Ordinal);
        var parts = new StringBuilder(
            $"{Id(span, "traceId")}/{Id(span, "spanId")}<{Id(span, "parentSpanId")} {kind} {Text(span, "name", "")} {start}+{end - start}");
        parts.Append(' ').Append(Attributes(span));
        foreach (var item in Items(span, "events"))
            parts.Append($" @{Text(item, "timeUnixNano", "0")}:{Text(item, "name", "")}{Attributes(item)}".Replace("{}", "",
                StringComparison.Ordinal));
        foreach (var item in Items(span, "links")) parts.Append($" >{Id(item, "traceId")}/{Id(item, "spanId")}{Attributes(item)}");
        if (span.TryGetProperty("traceState", out var state)) parts.Append(" state=").Append(state.GetString());
        if (span.TryGetProperty("status", out var status))
            parts.Append(' ').Append(Text(status, "code", "UNSET").Replace("STATUS_CODE_", "", StringComparison.Ordinal)).Append(':')
                .Append(Text(status, "message", ""));
        return parts.ToString();
    }

    private static string Scope(JsonElement scope) =>
        scope.TryGetProperty("scope", out var inner) && inner.TryGetProperty("name", out var name)
            ? $"{name.GetString()}@{Text(inner, "version", "")}"
            : "";

    private static string Attributes(JsonElement of, string name) => of.TryGetProperty(name, out var inner) ? Attributes(inner) : "{}";

    private static string Attributes(JsonElement of) =>
        $"{{{string.Join(' ', Items(of, "attributes").Select(static a => $"{a.GetProperty("key").GetString()}={Value(a.GetProperty("value"))}"))}}}";

    private static string Value(JsonElement value)
    {
        var member = value.EnumerateObject().Single();
        return member.Name[0] + ":" + member.Value;
    }

    private static IEnumerable<JsonElement> Items(JsonElement of, string name) =>
        of.TryGetProperty(name, out var list) ? list.EnumerateArray() : [];

    private static string Text(JsonElement of, string name, string otherwise) =>
        of.TryGetProperty(name, out var value) ? value.GetString()! : otherwise;

    private static string Id(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) ? Convert.ToHexStringLower(value.GetBytesFromBase64()).TrimStart('0') : "";
}
