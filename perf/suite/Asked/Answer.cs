using System.Globalization;
using System.Text.Json;
using Tempo.Perf.Load.Queries;

namespace Tempo.Perf.Suite.Asked;

/// <summary>
/// An answer brought to a form in which those of two servers can be compared: sorted lines. A search has a line a trace (id, spans
/// that match), a metrics query one a series and interval, and the sum of each series over the range apart, a question for tags one a
/// name or value.
/// </summary>
internal sealed record Answer(IReadOnlyList<string> Lines, IReadOnlyDictionary<string, double> Totals)
{
    public const int StepSeconds = 30;

    public static Answer Read(QueryCase query, JsonElement root)
    {
        var lines = new List<string>();
        var totals = new Dictionary<string, double>();
        switch (query.Kind)
        {
            case QueryKind.Search when query.Limit < 1000:
                // Which of all matches are shown is the server's choice.
                lines.Add($"{Each(root, "traces").Count()} traces");
                break;
            case QueryKind.Search:
                foreach (JsonElement trace in Each(root, "traces"))
                    lines.Add($"{trace.GetProperty("traceID").GetString()!.PadLeft(32, '0')} {Each(trace, "spanSets").Sum(static set => Number(set, "matched"))}");
                break;
            case QueryKind.Range:
                foreach (JsonElement series in Each(root, "series")) AddSeries(series, lines, totals);
                break;
            case QueryKind.TagValues:
                lines.AddRange(Each(root, "tagValues").Select(static value => value.GetProperty("value").GetString()!));
                break;
            default:
                lines.AddRange(Each(root, "scopes").SelectMany(
                    static scope => Each(scope, "tags").Select(tag => $"{scope.GetProperty("name").GetString()} {tag.GetString()}")));
                break;
        }

        lines.Sort(StringComparer.Ordinal);
        return new Answer(lines, totals);
    }

    /// <summary>The number of spans that an instant query for <c>{} | count_over_time()</c> names; 0 without a series.</summary>
    public static double Count(JsonElement root) => Each(root, "series").Sum(static series => Number(series, "value"));

    /// <summary>Null if both are the same; else the first difference.</summary>
    public string? Difference(Answer other)
    {
        if (Lines.SequenceEqual(other.Lines)) return null;
        string? missing = other.Lines.Except(Lines).FirstOrDefault(), more = Lines.Except(other.Lines).FirstOrDefault();
        return $"{Lines.Count} lines instead of {other.Lines.Count}{(missing is null ? "" : $", without '{missing}'")}{(more is null ? "" : $", with '{more}'")}";
    }

    private static void AddSeries(JsonElement series, List<string> lines, Dictionary<string, double> totals)
    {
        string labels = string.Join(
            ',', Each(series, "labels").Select(
                static label => $"{label.GetProperty("key").GetString()}={label.GetProperty("value").EnumerateObject().First().Value}")
                    .Order(StringComparer.Ordinal));
        double total = 0;
        foreach (JsonElement sample in Each(series, "samples"))
        {
            double value = Number(sample, "value");
            total += value;
            // Tempo leaves out what is 0 in some functions and writes it in others.
            if (value != 0)
                lines.Add(string.Create(
                    CultureInfo.InvariantCulture, $"{labels} {sample.GetProperty("timestampMs").GetString()} {value:G9}"));
        }

        totals[labels] = totals.GetValueOrDefault(labels) + total;
    }

    private static IEnumerable<JsonElement> Each(JsonElement of, string name) =>
        of.TryGetProperty(name, out JsonElement array) && array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : [];

    private static double Number(JsonElement of, string name) =>
        !of.TryGetProperty(name, out JsonElement value) ? 0
        : value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString()!, CultureInfo.InvariantCulture) : value.GetDouble();
}
