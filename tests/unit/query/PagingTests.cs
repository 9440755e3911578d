using Tempo.Engine.Query;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Other orders than the newest first, and answers page by page.</summary>
public sealed class PagingTests(GoldenStores stores) : IClassFixture<GoldenStores>
{
    public static TheoryData<Layout> Layouts() => [.. Enum.GetValues<Layout>()];

    [Theory]
    [InlineData("{} with(order_by=start)", "T5 T4 T3 T2 T1")]
    [InlineData("{} with(order_by=\"-start\")", "T1 T2 T3 T4 T5")]
    [InlineData("{} with(order_by=duration)", "T1 T3 T4 T2 T5")]
    [InlineData("{} with(order_by=\"-duration\")", "T5 T2 T4 T3 T1")]
    [InlineData("{} with(order_by=spans)", "T1 T3 T2 T5 T4")]
    [InlineData("{} with(order_by=errors)", "T1 T4 T2 T3 T5")]
    [InlineData("{ kind = unspecified } with(order_by=matched)", "T3 T5 T2")]
    public async Task TracesComeInTheOrderAskedFor(string query, string expected)
    {
        foreach (var layout in Enum.GetValues<Layout>())
        {
            var result = await stores.Search(layout, GoldenStores.Everything with { Query = query });
            Assert.Equal(expected, Names(result));
            Assert.Equal(("", expected.Split(' ').Length), (result.NextCursor, result.Total));
            var first = await stores.Search(layout, GoldenStores.Everything with { Query = query, Limit = 2 });
            Assert.Equal(expected[..5], Names(first));
        }
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task PagesFollowEachOtherAndSayHowManyThereAre(Layout layout)
    {
        foreach (var (query, expected) in new[] { ("{}", "T5 T4|T3 T2|T1"), ("{} with(order_by=duration)", "T1 T3|T4 T2|T5"),
            ("{ name = \"nope\" }", "") })
        {
            var pages = new List<string>();
            for (string? cursor = ""; cursor is not null;)
            {
                var page = await stores.Search(layout, GoldenStores.Everything with { Query = query, Limit = 2, Cursor = cursor });
                pages.Add(Names(page));
                Assert.Equal(expected.Length == 0 ? 0 : 5, page.Total);
                cursor = page.NextCursor.Length > 0 ? page.NextCursor : null;
            }

            Assert.Equal(expected, string.Join('|', pages));
        }
    }

    [Fact]
    public async Task ACursorMayStandInTheQuery()
    {
        var first = await stores.Search(Layout.Split, GoldenStores.Everything with { Query = "{} with(cursor=\"\")", Limit = 4 });
        var last = await stores.Search(
            Layout.Split, GoldenStores.Everything with { Query = $"{{}} with(cursor=\"{first.NextCursor}\")", Limit = 4 });
        Assert.Equal(("T5 T4 T3 T2", "T1", "", 5L), (Names(first), Names(last), last.NextCursor, last.Total));
    }

    [Fact]
    public async Task WhoAsksForNoPageGetsNoTotal()
    {
        var result = await stores.Search(Layout.Live, GoldenStores.Everything with { Query = "{} with(order_by=5, cursor=7)", Limit = 2 });
        Assert.Equal((-1L, ""), (result.Total, result.NextCursor));
    }

    [Theory]
    [InlineData("{} with(order_by=kind)", "", "order_by knows start, duration, spans, errors, matched; it cannot order by kind")]
    [InlineData("{}", "x", "invalid cursor: one that an answer ordered by start gave is expected")]
    [InlineData("{} with(order_by=duration)", "start:5:00000000000000000000000000000001",
        "invalid cursor: one that an answer ordered by duration gave is expected")]
    [InlineData("{}", "start:zz:00000000000000000000000000000001", "invalid cursor: one that an answer ordered by start gave is expected")]
    public async Task WhatIsNoOrderOrNoCursorIsRefused(string query, string cursor, string expected)
    {
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => stores.Search(Layout.Live, GoldenStores.Everything with { Query = query, Cursor = cursor }));
        Assert.Equal((QueryErrorKind.BadRequest, expected), (refused.Kind, refused.Message));
    }

    private static string Names(SearchResult result) => string.Join(' ', result.Traces.Select(static t => GoldenTraces.NameOf(t.TraceId)));
}
