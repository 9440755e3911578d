using System.Globalization;
using Tempo.Engine.Query;

namespace Tempo.Query.Tests.Testing;

/// <summary>Answers of metrics queries in the notation of data/golden-range.txt.</summary>
public static class MetricsText
{
    public const string NoSeries = "no series";

    public static string Of(QueryRangeResult result) =>
        Joined(result.Series.Select(static series => $"{Of(series.Labels)} {string.Join(' ', series.Samples.Select(Of))}"));

    public static string Of(QueryInstantResult result) =>
        Joined(result.Series.Select(static series => $"{Of(series.Labels)} {series.Value.ToString("G12", CultureInfo.InvariantCulture)}"));

    /// <summary>All samples of all series together: of a count, what was counted.</summary>
    public static double Sum(QueryRangeResult result) =>
        result.Series.Sum(static series => series.Samples.Sum(static sample => sample.Value));

    /// <summary>Labels in braces; values with their types.</summary>
    public static string Of(IReadOnlyList<AttributeResult> labels) =>
        $"{{{string.Join(", ", labels.Select(static label => $"{label.Key}={Of(label.Value)}"))}}}";

    /// <summary>The series of a line of the table, sorted, as <see cref="Sorted"/> does with an answer.</summary>
    public static string Sorted(string text) => string.Join(" ; ", text.Split(" ; ").Order(StringComparer.Ordinal));

    private static string Of(SampleResult sample)
    {
        var offset = (sample.TimestampMs - GoldenTraces.BaseSeconds * 1000L) / 1000.0;
        return string.Create(CultureInfo.InvariantCulture,
            $"{offset}:{double.Parse(sample.Value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)}");
    }

    private static string Of(object value) => value switch
    {
        long number => string.Create(CultureInfo.InvariantCulture, $"int:{number}"),
        double real => string.Create(CultureInfo.InvariantCulture, $"double:{real}"),
        bool flag => $"bool:{flag}",
        _ => (string)value,
    };

    private static string Joined(IEnumerable<string> series) => string.Join(" ; ", series) is { Length: > 0 } text ? text : NoSeries;
}
