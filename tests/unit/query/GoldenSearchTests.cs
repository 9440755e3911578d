using Tempo.Engine.Query;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Queries and their answers, from live data, from a block, and with each trace in several places.</summary>
public sealed class GoldenSearchTests(GoldenStores stores) : IClassFixture<GoldenStores>
{
    public static TheoryData<Layout, string, string> Observed() => QueryTable.Read("golden-search.txt");

    public static TheoryData<Layout, string, string> Rules() => QueryTable.Read("rules-search.txt");

    [Theory]
    [MemberData(nameof(Observed))]
    public Task AnswersAsObserved(Layout layout, string query, string expected) => Check(layout, query, expected);

    [Theory]
    [MemberData(nameof(Rules))]
    public Task AnswersByTheRules(Layout layout, string query, string expected) => Check(layout, query, expected);

    private async Task Check(Layout layout, string query, string expected)
    {
        // Where the table shows attributes of a span, it shows those of all; else it says nothing of them.
        var showsSpanAttributes = System.Text.RegularExpressions.Regex.IsMatch(expected, @"\w\{");
        var result = await stores.Search(layout, GoldenStores.Everything with { Query = query });
        Assert.Equal("", result.Message);
        Assert.Equal(AnswerText.Normalized(expected), AnswerText.Of(result, showsSpanAttributes));
    }

    [Theory]
    [InlineData("({} | by(kind)) >> ({})", QueryErrorKind.BadRequest,
        "spanset operators are not supported for multiple spansets per trace. consider using coalesce()")]
    [InlineData("{ .a = }", QueryErrorKind.BadRequest, "invalid TraceQL query: parse error at line 1, col 8: syntax error: unexpected }")]
    [InlineData("{ span.foo =~ \"[\" }", QueryErrorKind.BadRequest, "invalid TraceQL query: invalid regex: `[`")]
    public async Task AWrongQueryIsRefused(string query, QueryErrorKind kind, string message)
    {
        var refused =
            await Assert.ThrowsAsync<QueryException>(() => stores.Search(Layout.Split, GoldenStores.Everything with { Query = query }));
        Assert.Equal(kind, refused.Kind);
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }
}
