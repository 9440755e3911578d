using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

public sealed class ColumnPlannerTests
{
    private const long Spans = 100_000;

    [Fact]
    public void What_queries_ask_for_is_chosen_and_of_the_rest_what_costs_the_most_bytes()
    {
        AttributeUse[] uses =
        [
            new("rare", CatalogTypes.Text, Spans / 201, 9),
            new("often", CatalogTypes.Text, Spans / 2, 3),
            new("always", CatalogTypes.Text, Spans, 3),
            new("number", CatalogTypes.Int, Spans / 4, 1),
            new("never asked", CatalogTypes.Text, Spans, 0, Spans),
            new("large", CatalogTypes.Text, Spans / 10, 0, 8 * Spans),
            new("larger", CatalogTypes.Text, Spans / 100, 0, 9 * Spans),
            new("mixed", CatalogTypes.Text | CatalogTypes.Int, Spans, 9, 9 * Spans),
            new("list", CatalogTypes.Text | CatalogTypes.Array, Spans, 9, 9 * Spans),
            new("ratio", CatalogTypes.Double, Spans, 9),
            new("", CatalogTypes.Text, Spans, 9, 9 * Spans),
        ];
        var chosen = ColumnPlanner.Choose(uses, Spans);
        Assert.Equal(["always", "often", "number", "larger", "large"], chosen.Select(static column => column.Spec.Name));
        Assert.Equal([AttributeType.String, AttributeType.String, AttributeType.Int, AttributeType.String, AttributeType.String],
            chosen.Select(static column => column.Spec.Type));
        Assert.All(chosen, static column => Assert.Equal(AttributeScope.Span, column.Spec.Scope));
        Assert.Equal("on 50.0 % of 100000 spans, named by 3 queries, 0.0 bytes a span of different texts", chosen[1].Reason);
        Assert.Equal("on 10.0 % of 100000 spans, named by 0 queries, 8.0 bytes a span of different texts", chosen[4].Reason);
        Assert.True(DedicatedColumns.TryCreate(chosen.Select(static column => column.Spec), out _, out _));
    }

    [Fact]
    public void There_are_no_more_than_the_block_has_room_for()
    {
        var uses = Enumerable.Range(0, 40).Select(static i => new AttributeUse($"t{i:00}", CatalogTypes.Text, Spans - i, 1))
            .Concat(Enumerable.Range(0, 40).Select(static i => new AttributeUse($"n{i:00}", CatalogTypes.Int, Spans - i, 1)));
        var chosen = ColumnPlanner.Choose(uses, Spans);
        Assert.Equal((10, 5), (chosen.Count(static column => column.Spec.Type == AttributeType.String),
            chosen.Count(static column => column.Spec.Type == AttributeType.Int)));
        Assert.Equal("t09", chosen.Last(static column => column.Spec.Type == AttributeType.String).Spec.Name);
    }

    [Fact]
    public void Few_spans_say_too_little() => Assert.Empty(ColumnPlanner.Choose([new("a", CatalogTypes.Text, 9_999, 9)], 9_999));

    [Fact]
    public void A_list_is_left_only_for_one_that_is_much_better()
    {
        AttributeUse[] uses =
            [new("a", CatalogTypes.Text, Spans, 1), new("b", CatalogTypes.Text, Spans / 5, 1), new("c", CatalogTypes.Text, Spans / 2, 1)];
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
        Assert.True(DedicatedColumns.TryCreate(
            names.Select(static name => new DedicatedColumnSpec(
                AttributeScope.Span, name, AttributeType.String, DedicatedColumnOptions.None)), out var columns, out var error), error);
        return columns;
    }
}
