using System.Globalization;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>What is known of one span attribute when columns are chosen.</summary>
/// <param name="Name">The key.</param>
/// <param name="Types">Types that its values were seen with.</param>
/// <param name="OwnerCount">Spans that have it.</param>
/// <param name="AskedCount">Queries that named it.</param>
/// <param name="TextBytes">Bytes of its different texts, each counted once: what no dictionary saves.</param>
public readonly record struct AttributeUse(string Name, CatalogTypes Types, long OwnerCount, long AskedCount, long TextBytes = 0)
{
    /// <summary>What a block's catalog says of the key that the reader is at. Its values are read thereby.</summary>
    public static long TextBytesOf(ref CatalogReader catalog)
    {
        long bytes = 0, count = 0;
        while (catalog.TryReadValue(out var value))
        {
            bytes += value.Text.Length;
            count++;
        }

        return count == 0 ? 0 : (long)((double)bytes / count * Math.Max(count, catalog.DistinctCount));
    }
}

/// <summary>A chosen column and why it was chosen.</summary>
public sealed record ChosenColumn(DedicatedColumnSpec Spec, string Reason);

/// <summary>
/// Chooses the span attributes that get a column of their own. Pure: the same figures give the same list.
/// <code>
/// who      attributes of one type, text or int, that are on one span in 200 and that a query named; and texts that hardly repeat,
///          of two bytes or more a span: they cost the most
/// order    what queries named first: spans that have it, times the queries (up to 9); then by bytes
/// how many 10 texts and 5 ints: what vParquet4 and vParquet5 both have room for
/// </code>
/// Only span attributes: for a resource, a column of its own gains nothing (its attributes repeat, and compress to less than a
/// byte a span). Each column costs 0.15 to 0.3 bytes a span, on however many spans its attribute is, and saves little where values
/// repeat: 15 columns for what is merely frequent made a block 2.8 bytes a span larger.
/// </summary>
public static class ColumnPlanner
{
    public const int MaxTextColumns = 10;
    public const int MaxIntColumns = 5;

    /// <summary>Fewer spans say too little.</summary>
    public const long MinSpans = 10_000;

    private const double MinShareOfAsked = 0.005;
    private const double MinTextBytesPerSpan = 2;
    private const int BytesOfOneReading = 8; // weighs as much as one query's reading of the attribute on a span
    private const int MaxAskedWeight = 9;

    /// <summary>A change is worth a second list of columns in the store if it wins columns for this share of the attributes.</summary>
    private const double MinGain = 0.25;

    /// <summary>The columns, texts and ints mixed, the most valuable first; none if there are too few spans.</summary>
    public static IReadOnlyList<ChosenColumn> Choose(IEnumerable<AttributeUse> uses, long spanCount)
    {
        if (spanCount < MinSpans) return [];
        var (texts, ints) = (0, 0);
        var chosen = new List<ChosenColumn>();
        foreach (var use in Ranked(uses, spanCount))
        {
            var isText = use.Types == CatalogTypes.Text;
            if (isText ? texts++ >= MaxTextColumns : ints++ >= MaxIntColumns) continue;
            var spec = new DedicatedColumnSpec(
                AttributeScope.Span, use.Name, isText ? AttributeType.String : AttributeType.Int, DedicatedColumnOptions.None);
            chosen.Add(new ChosenColumn(spec, Reason(use, spanCount)));
        }

        return chosen;
    }

    /// <summary>
    /// Whether it is worth leaving the present columns for the chosen ones: blocks of different columns are not compacted
    /// together, so the list should change seldom.
    /// </summary>
    public static bool IsWorthChanging(DedicatedColumns present, IReadOnlyList<ChosenColumn> chosen, IReadOnlyList<AttributeUse> uses)
    {
        if (present.Specs.Count == 0) return chosen.Count > 0;
        var gained = chosen.Select(static column => column.Spec.Name).Except(present.Specs.Select(static spec => spec.Name))
            .ToHashSet(StringComparer.Ordinal);
        var before = uses.Where(use => present.Specs.Any(spec => spec.Name == use.Name)).Sum(Weight);
        return uses.Where(use => gained.Contains(use.Name)).Sum(Weight) > MinGain * Math.Max(1, before);
    }

    private static IEnumerable<AttributeUse> Ranked(IEnumerable<AttributeUse> uses, long spanCount) => uses
        .Where(use => use.Name.Length > 0 && use.Types is CatalogTypes.Text or CatalogTypes.Int)
        .Where(use => IsAsked(use, spanCount) || use.TextBytes >= MinTextBytesPerSpan * spanCount)
        .OrderByDescending(use => IsAsked(use, spanCount)).ThenByDescending(Weight).ThenBy(static use => use.Name, StringComparer.Ordinal);

    private static bool IsAsked(AttributeUse use, long spanCount) => use.AskedCount > 0 && use.OwnerCount >= MinShareOfAsked * spanCount;

    private static long Weight(AttributeUse use) =>
        use.OwnerCount * Math.Min(use.AskedCount, MaxAskedWeight) + use.TextBytes / BytesOfOneReading;

    private static string Reason(AttributeUse use, long spanCount) => string.Create(
        CultureInfo.InvariantCulture,
        $"on {100.0 * use.OwnerCount / spanCount:F1} % of {spanCount} spans, named by {use.AskedCount} queries, {(double)use.TextBytes / spanCount:F1} bytes a span of different texts");
}
