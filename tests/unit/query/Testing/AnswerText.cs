using System.Globalization;
using Tempo.Engine.Query;

namespace Tempo.Query.Tests.Testing;

/// <summary>Search answers in the notation of data/golden-search.txt, order taken out.</summary>
public static class AnswerText
{
    public const string Nothing = "nothing";

    /// <summary>The answer; span attributes only where <paramref name="withSpanAttributes"/>.</summary>
    public static string Of(SearchResult result, bool withSpanAttributes)
    {
        var sets = result.Traces.SelectMany(
            trace => trace.SpanSets.Select(set => $"{GoldenTraces.NameOf(trace.TraceId)} {Of(set, withSpanAttributes)}"));
        return Sorted(sets, "; ") is { Length: > 0 } text ? text : Nothing;
    }

    /// <summary>A line of the table, order taken out.</summary>
    public static string Normalized(string expected)
    {
        if (expected == Nothing) return Nothing;
        return Sorted(Split(expected, ';').Select(entry =>
        {
            var parts = Split(entry, ' ');
            var attributes = parts[1][0] == '{' ? NormalizedAttributes(parts[1]) : "";
            return $"{parts[0]} {attributes}{Sorted(parts.Skip(attributes.Length > 0 ? 2 : 1).Select(NormalizedSpan), " ")}";
        }), "; ");
    }

    private static string Of(SpanSetResult set, bool withSpanAttributes)
    {
        Assert.Equal((uint)set.Spans.Length, set.Matched);
        var spans = set.Spans.Select(span => GoldenTraces.NameOf(span.SpanId) + (withSpanAttributes ? Of(span.Attributes) : ""));
        return Of(set.Attributes) + Sorted(spans, " ");
    }

    private static string Of(AttributeResult[] attributes) =>
        attributes.Length == 0 ? "" : $"{{{Sorted(attributes.Select(static a => $"{a.Key}={Of(a.Value)}"), ", ")}}}";

    private static string Of(object value) => value switch
    {
        long number => string.Create(CultureInfo.InvariantCulture, $"int:{number}"),
        double real => string.Create(CultureInfo.InvariantCulture, $"double:{real}"),
        bool flag => flag ? "true" : "false",
        object[] items => $"[{string.Join(",", items.Select(Of))}]",
        _ => (string)value,
    };

    private static string NormalizedSpan(string span) => span.IndexOf('{', StringComparison.Ordinal) is >= 0 and var brace
        ? span[..brace] + NormalizedAttributes(span[brace..])
        : span;

    private static string NormalizedAttributes(string braces) => $"{{{Sorted(Split(braces[1..^1], ','), ", ")}}}";

    // Splits outside of braces and brackets.
    private static List<string> Split(string text, char separator)
    {
        var parts = new List<string>();
        int depth = 0, start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && "{[(".Contains(text[i], StringComparison.Ordinal)) depth++;
            if (i < text.Length && "}])".Contains(text[i], StringComparison.Ordinal)) depth--;
            if (i < text.Length && (depth > 0 || text[i] != separator)) continue;
            if (text[start..i].Trim() is { Length: > 0 } part) parts.Add(part);
            start = i + 1;
        }

        return parts;
    }

    private static string Sorted(IEnumerable<string> parts, string separator) =>
        string.Join(separator, parts.Order(StringComparer.Ordinal));
}
