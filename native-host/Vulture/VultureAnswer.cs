using System.Globalization;
using System.Text.Json;

namespace Tempo.Host.Vulture;

/// <summary>Reads what a Tempo-compatible server answers, of any version: its JSON.</summary>
internal static class VultureAnswer
{
    public const string TextKey = "vulture.text";
    public const string NumberKey = "vulture.number";

    public static string Line(string spanId, string parentId, string name, string start, string end, string text, string number) =>
        $"{spanId} {parentId} {name} {start} {end} {text} {number}";

    /// <summary>One line for each span of <c>GET /api/traces/{id}</c>, sorted.</summary>
    /// <exception cref="JsonException">It is no such answer.</exception>
    public static string[] Spans(JsonElement trace)
    {
        List<string> lines = [];
        foreach (var resource in Items(trace, "batches", "resourceSpans"))
            foreach (var scope in Items(resource, "scopeSpans", "instrumentationLibrarySpans"))
                foreach (var span in Items(scope, "spans"))
                    lines.Add(Line(Id(span, "spanId"), Id(span, "parentSpanId"), Text(span, "name"), Text(span, "startTimeUnixNano"),
                        Text(span, "endTimeUnixNano"), Attribute(span, TextKey), Attribute(span, NumberKey)));
        lines.Sort(StringComparer.Ordinal);
        return [.. lines];
    }

    /// <summary>
    /// The matched spans of a trace in an answer of <c>GET /api/search</c>; 0 if it was not found, more than there are if it is listed
    /// twice.
    /// </summary>
    public static int Matched(JsonElement answer, string traceId)
    {
        var matched = 0;
        foreach (var trace in Items(answer, "traces"))
        {
            // Tempo leaves out the leading zeros.
            if (Text(trace, "traceID").PadLeft(32, '0') != traceId) continue;
            foreach (var set in Items(trace, "spanSets")) matched += set.TryGetProperty("matched", out var count) ? count.GetInt32() : 0;
        }

        return matched;
    }

    /// <summary>The sum over all samples of all series of <c>GET /api/metrics/query_range</c>.</summary>
    public static double Sum(JsonElement answer)
    {
        var sum = 0.0;
        foreach (var series in Items(answer, "series"))
            foreach (var sample in Items(series, "samples"))
                if (sample.TryGetProperty("value", out var value)) sum += value.GetDouble();
        return sum;
    }

    private static IEnumerable<JsonElement> Items(JsonElement parent, params string[] names)
    {
        foreach (var name in names)
            if (parent.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array) return list.EnumerateArray();
        return [];
    }

    private static string Text(JsonElement parent, string name) =>
        !parent.TryGetProperty(name, out var value) ? ""
            : value.ValueKind == JsonValueKind.String ? value.GetString()!
            : value.GetRawText();

    // Base64 in Tempo's answers.
    private static string Id(JsonElement span, string name)
    {
        var text = Text(span, name);
        return text.Length == 16 || !Convert.TryFromBase64String(text, new byte[text.Length], out _)
            ? text
            : Convert.ToHexStringLower(Convert.FromBase64String(text));
    }

    private static string Attribute(JsonElement span, string key)
    {
        foreach (var attribute in Items(span, "attributes"))
            if (Text(attribute, "key") == key && attribute.TryGetProperty("value", out var value))
                return Text(value, "stringValue") + (value.TryGetProperty("intValue", out _)
                    ? long.Parse(Text(value, "intValue"), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)
                    : "");
        return "";
    }
}
