using System.Globalization;
using System.Text;
using Tempo.Host.Config;
using Tempo.Host.Foreign;

namespace Tempo.Host.Http;

/// <summary>
/// The <c>tags</c> parameter of older clients, <c>key=value key2="value 2"</c> (logfmt), as a TraceQL query: every pair must
/// match somewhere in the trace, its value as a case-sensitive part of a string attribute of a span or its resource.
/// </summary>
internal static class LegacyTags
{
    /// <summary>Pairs beyond this are refused; each is a scan of its own.</summary>
    private const int MaxPairs = 32;

    /// <summary>
    /// The query, with the duration bounds of the trace in it (nanoseconds, 0 = none). <paramref name="findsNothing"/>: a word
    /// without a value, which no trace can match.
    /// </summary>
    public static bool TryTranslate(
        IReadOnlyList<(string Key, string? Value)> pairs, long minDurationNano, long maxDurationNano, out string query,
        out bool findsNothing, out string error)
    {
        query = "";
        findsNothing = false;
        error = "";
        if (pairs.Count > MaxPairs)
        {
            error = $"invalid tags: {pairs.Count} pairs, at most {MaxPairs} are taken";
            return false;
        }

        findsNothing = pairs.Any(static p => p.Value is null);
        var filters = pairs.Where(static p => p.Value is not null).Select(static p => Filter(p.Key, p.Value!)).ToList();
        if (minDurationNano > 0) filters.Add(string.Create(CultureInfo.InvariantCulture, $"{{ traceDuration >= {minDurationNano}ns }}"));
        if (maxDurationNano > 0) filters.Add(string.Create(CultureInfo.InvariantCulture, $"{{ traceDuration <= {maxDurationNano}ns }}"));
        query = string.Join(" && ", filters);
        return true;
    }

    // The virtual keys of the old index stand for intrinsics.
    private static string Filter(string key, string value) => (key, value) switch
    {
        ("status.code", "unset" or "ok" or "error") => $"{{ status = {value} }}",
        ("error", "true") => "{ status = error }",
        ("name", _) => Contains("name", value),
        ("root.name", _) => Contains("rootName", value),
        ("root.service.name", _) => Contains("rootServiceName", value),
        _ => Contains("." + SpanQuery.QuoteName(key), value),
    };

    private static string Contains(string field, string value) => $"{{ {field} =~ {Quote(".*" + EscapeRegex(value) + ".*")} }}";

    private static string EscapeRegex(string value)
    {
        var escaped = new StringBuilder(value.Length);
        foreach (var c in value)
        {
            if (@"\.+*?()|[]{}^$".Contains(c, StringComparison.Ordinal)) escaped.Append('\\');
            escaped.Append(c);
        }

        return escaped.ToString();
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c == '\n') quoted.Append("\\n");
            else quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>logfmt: words divided by blanks; a value may be quoted, with \" and \\ inside; null for a word without one.</summary>
    public static bool TryParse(string text, out List<(string Key, string? Value)> pairs, out string error)
    {
        pairs = [];
        error = "";
        var at = 0;
        while (true)
        {
            while (at < text.Length && text[at] == ' ') at++;
            if (at == text.Length) return true;
            var keyStart = at;
            while (at < text.Length && text[at] is not (' ' or '=' or '"')) at++;
            var key = text[keyStart..at];
            if (key.Length == 0 || (at < text.Length && text[at] == '"'))
            {
                error = $"invalid tags: unexpected {GoText.Quote(text[at].ToString())} at pos {at + 1}";
                return false;
            }

            if (at == text.Length || text[at] == ' ')
            {
                pairs.Add((key, null));
                continue;
            }

            if (!TryParseValue(text, ref at, out var value, out error)) return false;
            pairs.Add((key, value));
        }
    }

    // Starts at the equals sign and ends behind the value.
    private static bool TryParseValue(string text, ref int at, out string value, out string error)
    {
        error = "";
        var start = ++at;
        if (at == text.Length || text[at] != '"')
        {
            while (at < text.Length && text[at] != ' ') at++;
            value = text[start..at];
            return true;
        }

        var unquoted = new StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length) at++;
            unquoted.Append(text[at]);
        }

        value = unquoted.ToString();
        if (at == text.Length)
        {
            error = $"invalid tags: unterminated quoted value at pos {at + 1}";
            return false;
        }

        at++;
        return true;
    }
}
