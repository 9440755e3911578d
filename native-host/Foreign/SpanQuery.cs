using System.Globalization;
using System.Text;

namespace Tempo.Host.Foreign;

/// <summary>Conditions on one span, as a TraceQL query. What users type is quoted: it can only ever be compared with.</summary>
internal sealed class SpanQuery
{
    /// <summary>Conditions of one query; each is looked at on every span.</summary>
    public const int MaxConditions = 100;

    private readonly List<string> _conditions = [];

    public int Count => _conditions.Count;

    public void HasService(string service) => _conditions.Add($"resource.service.name = {Quote(service)}");

    public void HasName(string name) => _conditions.Add($"name = {Quote(name)}");

    /// <param name="kind">A kind of OpenTelemetry, in small letters; others match nothing.</param>
    public void HasKind(string kind) =>
        _conditions.Add(kind is "server" or "client" or "producer" or "consumer" or "internal" or "unspecified"
            ? $"kind = {kind}"
            : "false");

    public void IsError() => _conditions.Add("status = error");

    /// <summary>0: no bound.</summary>
    public void LastsBetween(long minNano, long maxNano)
    {
        if (minNano > 0) _conditions.Add(string.Create(CultureInfo.InvariantCulture, $"span:duration >= {minNano}ns"));
        if (maxNano > 0) _conditions.Add(string.Create(CultureInfo.InvariantCulture, $"span:duration <= {maxNano}ns"));
    }

    /// <summary>
    /// A tag as the older systems know it: always text there, so a number or a truth value of that spelling is meant as well;
    /// and the tags that OpenTelemetry made fields of.
    /// </summary>
    public void HasTag(string key, string value)
    {
        switch (key)
        {
            case "":
                // TraceQL has no name for it, and no span has it.
                _conditions.Add("false");
                return;
            case "error" when value == "true":
                IsError();
                return;
            case "error" when value == "false":
                _conditions.Add("status != error");
                return;
            case "span.kind":
                HasKind(value);
                return;
            case "otel.status_code" when value is "ERROR" or "OK":
                _conditions.Add($"status = {(value == "OK" ? "ok" : "error")}");
                return;
            case "otel.status_description":
                _conditions.Add($"statusMessage = {Quote(value)}");
                return;
            case "otel.scope.name" or "otel.library.name":
                _conditions.Add($"instrumentation:name = {Quote(value)}");
                return;
            case "otel.scope.version" or "otel.library.version":
                _conditions.Add($"instrumentation:version = {Quote(value)}");
                return;
        }

        var field = "." + QuoteName(key);
        var condition = $"{field} = {Quote(value)}";
        if (value is "true" or "false") condition = $"({condition} || {field} = {value})";
        else if (double.TryParse(
            value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) && Math.Abs(number) < 1e15)
        {
            condition = $"({condition} || {field} = {number.ToString("0.###############", CultureInfo.InvariantCulture)})";
        }

        _conditions.Add(condition);
    }

    /// <summary>A tag of any value, or something that happened under that name.</summary>
    public void HasTagOrEvent(string name) => _conditions.Add($"(.{QuoteName(name)} != nil || event:name = {Quote(name)})");

    public override string ToString() => _conditions.Count == 0 ? "{}" : $"{{ {string.Join(" && ", _conditions)} }}";

    /// <summary>A name of an attribute, in which nothing but quotes and backslashes is escaped.</summary>
    public static string QuoteName(string name) =>
        $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    /// <summary>A TraceQL string.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 2);
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c == '\n') quoted.Append("\\n");
            else quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }
}
