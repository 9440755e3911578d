using System.Globalization;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>What is known of one span attribute when columns are chosen.</summary>
/// <param name="Name">The key.</param>
/// <param name="Types">Types that its values were seen with.</param>
/// <param name="OwnerCount">Spans that have it.</param>
/// <param name="AskedCount">Queries that named it.</param>
public readonly record struct AttributeUse(string Name, CatalogTypes Types, long OwnerCount, long AskedCount);

/// <summary>A chosen column and why it was chosen.</summary>
public sealed record ChosenColumn(DedicatedColumnSpec Spec, string Reason);

/// <summary>
/// Chooses the span attributes that get a column of their own. Pure: the same figures give the same list.
/// <code>
/// who      attributes of one type, text or int; on a tenth of the spans, or on one in 200 and named by a query
/// order    spans that have it, times 1 + the queries that named it (up to 9): what is stored and what is read
/// how many 10 texts and 5 ints: what vParquet4 and vParquet5 both have room for
/// </code>
/// Only span attributes: for a resource, a column of its own gains nothing (its attributes repeat, and compress to less than a
/// byte a span). Each column costs 0.15 to 0.3 bytes a span even where it is empty, so rare attributes get none.
/// </summary>
public static class ColumnPlanner
{
    public const int MaxTextColumns = 10;
    public const int MaxIntColumns = 5;

    /// <summary>Fewer spans say too little.</summary>
    public const long MinSpans = 10_000;

    private const double MinShare = 0.1;
    private const double MinSharePerAsked = 0.005;
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
            var spec = new DedicatedColumnSpec(AttributeScope.Span, use.Name, isText ? AttributeType.String : AttributeType.Int, DedicatedColumnOptions.None);
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
        var gained = chosen.Select(static column => column.Spec.Name).Except(present.Specs.Select(static spec => spec.Name)).ToHashSet(StringComparer.Ordinal);
        var before = uses.Where(use => present.Specs.Any(spec => spec.Name == use.Name)).Sum(Weight);
        return uses.Where(use => gained.Contains(use.Name)).Sum(Weight) > MinGain * Math.Max(1, before);
    }

    private static IEnumerable<AttributeUse> Ranked(IEnumerable<AttributeUse> uses, long spanCount) => uses
        .Where(use => use.Name.Length > 0 && use.Types is CatalogTypes.Text or CatalogTypes.Int)
        .Where(use => use.OwnerCount >= (use.AskedCount > 0 ? MinSharePerAsked : MinShare) * spanCount)
        .OrderByDescending(Weight).ThenBy(static use => use.Name, StringComparer.Ordinal);

    private static long Weight(AttributeUse use) => use.OwnerCount * (1 + Math.Min(use.AskedCount, MaxAskedWeight));

    private static string Reason(AttributeUse use, long spanCount) => string.Create(
        CultureInfo.InvariantCulture,
        $"on {100.0 * use.OwnerCount / spanCount:F1} % of {spanCount} spans, named by {use.AskedCount} queries");
}
