using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

public sealed class ColumnPlannerTests
{
    private const long Spans = 100_000;

    [Fact]
    public void Frequent_attributes_of_one_type_are_chosen_the_most_frequent_first()
    {
        AttributeUse[] uses =
        [
            new("rare", CatalogTypes.Text, Spans / 11, 0),
            new("often", CatalogTypes.Text, Spans / 2, 0),
            new("always", CatalogTypes.Text, Spans, 0),
            new("number", CatalogTypes.Int, Spans / 4, 0),
            new("mixed", CatalogTypes.Text | CatalogTypes.Int, Spans, 0),
            new("list", CatalogTypes.Text | CatalogTypes.Array, Spans, 0),
            new("ratio", CatalogTypes.Double, Spans, 0),
            new("", CatalogTypes.Text, Spans, 0),
        ];
        var chosen = ColumnPlanner.Choose(uses, Spans);
        Assert.Equal(["always", "often", "number"], chosen.Select(static column => column.Spec.Name));
        Assert.Equal([AttributeType.String, AttributeType.String, AttributeType.Int], chosen.Select(static column => column.Spec.Type));
        Assert.All(chosen, static column => Assert.Equal(AttributeScope.Span, column.Spec.Scope));
        Assert.Equal("on 50.0 % of 100000 spans, named by 0 queries", chosen[1].Reason);
        Assert.True(DedicatedColumns.TryCreate(chosen.Select(static column => column.Spec), out _, out _));
    }

    [Fact]
    public void What_queries_ask_for_goes_before_what_is_only_frequent()
    {
        AttributeUse[] uses = [new("frequent", CatalogTypes.Text, Spans / 5, 0), new("asked", CatalogTypes.Text, Spans / 20, 50), new("asked, not there", CatalogTypes.Text, Spans / 1000, 1000)];
        Assert.Equal(["asked", "frequent"], ColumnPlanner.Choose(uses, Spans).Select(static column => column.Spec.Name));
    }

    [Fact]
    public void There_are_no_more_than_the_block_has_room_for()
    {
        var uses = Enumerable.Range(0, 40).Select(static i => new AttributeUse($"t{i:00}", CatalogTypes.Text, Spans - i, 0))
            .Concat(Enumerable.Range(0, 40).Select(static i => new AttributeUse($"n{i:00}", CatalogTypes.Int, Spans - i, 0)));
        var chosen = ColumnPlanner.Choose(uses, Spans);
        Assert.Equal((10, 5), (chosen.Count(static column => column.Spec.Type == AttributeType.String), chosen.Count(static column => column.Spec.Type == AttributeType.Int)));
        Assert.Equal("t09", chosen.Last(static column => column.Spec.Type == AttributeType.String).Spec.Name);
    }

    [Fact]
    public void Few_spans_say_too_little() => Assert.Empty(ColumnPlanner.Choose([new("a", CatalogTypes.Text, 9_999, 0)], 9_999));

    [Fact]
    public void A_list_is_left_only_for_one_that_is_much_better()
    {
        AttributeUse[] uses = [new("a", CatalogTypes.Text, Spans, 0), new("b", CatalogTypes.Text, Spans / 5, 0), new("c", CatalogTypes.Text, Spans / 2, 0)];
        var chosen = ColumnPlanner.Choose(uses, Spans);
        Assert.True(ColumnPlanner.IsWorthChanging(DedicatedColumns.None, chosen, uses));
        Assert.False(ColumnPlanner.IsWorthChanging(DedicatedColumns.None, [], uses));
        Assert.False(ColumnPlanner.IsWorthChanging(Columns("a", "c"), chosen, uses)); // b alone is a fifth
        Assert.True(ColumnPlanner.IsWorthChanging(Columns("a"), chosen, uses));
        Assert.True(ColumnPlanner.IsWorthChanging(Columns("gone"), chosen, uses));
        Assert.False(ColumnPlanner.IsWorthChanging(Columns("a", "b", "c", "gone"), chosen, uses));
    }

    private static DedicatedColumns Columns(params string[] names)
    {
        Assert.True(DedicatedColumns.TryCreate(names.Select(static name => new DedicatedColumnSpec(AttributeScope.Span, name, AttributeType.String, DedicatedColumnOptions.None)), out var columns, out var error), error);
        return columns;
    }
}
