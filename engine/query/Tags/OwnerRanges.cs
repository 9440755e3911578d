using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Rows of a batch as ranges, and from them the owners of a scope (spans, their resources, scopes, events or links): the
/// attributes of a range of owners lie together. All rows are one range.
/// </summary>
internal static class OwnerRanges
{
    /// <summary>All of the first rows.</summary>
    public static List<Range> OfAll(int rowCount) => rowCount == 0 ? [] : [0..rowCount];

    /// <summary>Puts the next row, which is greater than those before, behind them.</summary>
    public static void Append(List<Range> rows, int row)
    {
        if (rows.Count > 0 && rows[^1].End.Value == row) rows[^1] = rows[^1].Start..(row + 1);
        else rows.Add(row..(row + 1));
    }

    /// <summary>The owners of the rows in a scope of attributes.</summary>
    public static List<Range> Of(SpanBatch batch, CatalogScope scope, List<Range> rows) => scope switch
    {
        CatalogScope.Span => rows,
        CatalogScope.Resource => Used(batch.Resource, rows),
        CatalogScope.Scope => Used(batch.Scope, rows),
        CatalogScope.Event => Below(batch.EventStart, rows),
        _ => Below(batch.LinkStart, rows),
    };

    private static List<Range> Below(int[] starts, List<Range> rows) =>
        rows.ConvertAll(range => starts[range.Start.Value]..starts[range.End.Value]);

    private static List<Range> Used(int[] ownerOfRow, List<Range> rows)
    {
        var highest = -1;
        foreach (var range in rows)
            foreach (var owner in ownerOfRow.AsSpan(range))
                if (owner > highest) highest = owner;
        var isUsed = new bool[highest + 1];
        foreach (var range in rows)
            foreach (var owner in ownerOfRow.AsSpan(range)) isUsed[owner] = true;
        var owners = new List<Range>();
        for (var owner = 0; owner < isUsed.Length; owner++)
            if (isUsed[owner])
                Append(owners, owner);
        return owners;
    }
}
