using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// What grows with an answer is asked for before it is taken, cut or refused where there is no more, and given back whatever became of the
/// query.
/// </summary>
public sealed class QueryMemoryTests
{
    private static readonly TraceSources Golden = new(TestStore.Live(GoldenTraces.Spans), []);

    [Fact]
    public void One_query_has_half_of_it_at_the_most()
    {
        var memory = new QueryMemory(1000);
        using var budget = new MemoryBudget(long.MaxValue, memory);
        Assert.True(budget.TryCharge(500));
        Assert.Equal(500, memory.TakenBytes);
        Assert.False(budget.TryCharge(1));
        Assert.Contains("500 bytes for values (a query's share of the memory)",
            Assert.Throws<QueryException>(() => budget.Charge(1, "values")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_own_limit_is_named_where_that_is_less()
    {
        using var budget = new MemoryBudget(100, new QueryMemory(1000));
        var refused = Assert.Throws<QueryException>(() => budget.Charge(101, "values"));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains("100 bytes for values (the query's memory limit)", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_others_have_makes_it_busy_and_is_there_again_when_they_end()
    {
        var memory = new QueryMemory(4 << 20);
        using var mine = new MemoryBudget(long.MaxValue, memory);
        using (var other = new MemoryBudget(long.MaxValue, memory))
        {
            Assert.True(other.TryCharge(2 << 20));
            memory.Take(2 << 20); // an answer that is being sent
            Assert.Equal(QueryErrorKind.Busy, Assert.Throws<QueryException>(() => mine.TryCharge(1)).Kind);
        }

        Assert.True(mine.TryCharge(1));
    }

    [Fact]
    public async Task Values_and_names_are_cut_and_the_answer_says_so()
    {
        var memory = new QueryMemory(700);
        var limits = new TagLimits { Memory = memory };
        var values = await TagValues.RunAsync(new TagValuesRequest { Name = "name", Limits = limits }, Golden, default);
        Assert.Single(values.Values);
        Assert.Equal("there are more values: the limit is 350 bytes of memory (a query's share)", values.Message);
        var names = await TagNames.RunAsync(new TagNamesRequest { Limits = limits }, Golden, default);
        Assert.Single(names.Scopes.Where(static scope => scope.Scope != TagScopes.Intrinsic).SelectMany(static scope => scope.Names));
        Assert.Equal("there are more names: the limit is 350 bytes of memory (a query's share)", names.Message);
        Assert.Equal(0, memory.TakenBytes);
    }

    [Theory]
    [InlineData("{ }")]
    [InlineData("")]
    [InlineData("{ } | select(span.http.status_code)")]
    [InlineData("{ } with(order_by=duration)")]
    public async Task A_search_is_refused(string query)
    {
        var memory = new QueryMemory(2000);
        var request = new SearchRequest { Query = query, Limit = 1000, SpansPerSpanSet = 100 };
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => TraceSearch.RunAsync(request, Golden, new SearchOptions { Memory = memory }, default));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains("a query's share of the memory", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, memory.TakenBytes);
    }

    /// <summary>What gave way to another answer does not count.</summary>
    [Fact]
    public async Task A_search_for_few_of_many_takes_no_more_than_they_do()
    {
        var memory = new QueryMemory(1 << 20);
        var everything = await TraceSearch.RunAsync(
            new SearchRequest { Query = "{ }", Limit = 1000 }, Golden, new SearchOptions { Memory = memory }, default);
        Assert.True(everything.Traces.Count > 3);
        var few = new QueryMemory(2 * (everything.Traces.Count * 128 + 2 * everything.Traces.Max(AnswerSize.BytesOf)));
        var found = await TraceSearch.RunAsync(
            new SearchRequest { Query = "{ }", Limit = 1, Cursor = "" }, Golden, new SearchOptions { Memory = few }, default);
        Assert.Equal(everything.Traces.Count, found.Total);
        Assert.Equal((0, 0), (memory.TakenBytes, few.TakenBytes));
    }

    [Theory]
    [InlineData("{ } | rate() by (span:id)")]
    [InlineData("{ } | quantile_over_time(duration, .9) by (span:id)")]
    [InlineData("{ } | count_distinct(span:id)")]
    [InlineData("{ } | compare({ name != nil })")]
    public async Task A_metrics_query_is_refused(string query)
    {
        var memory = new QueryMemory(2000);
        var span = GoldenTraces.Spans[0];
        var request = new QueryInstantRequest
        {
            Query = query,
            StartUnixNano = span.StartUnixNano - 3600_000_000_000,
            EndUnixNano = span.StartUnixNano + 3600_000_000_000
        };
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => MetricsQuery.RunAsync(request, Golden, new MetricsLimits { Memory = memory }, DateTimeOffset.UnixEpoch, 2, default));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Equal(0, memory.TakenBytes);
        var enough = new QueryMemory(1 << 24);
        await MetricsQuery.RunAsync(request, Golden, new MetricsLimits { Memory = enough }, DateTimeOffset.UnixEpoch, 2, default);
        Assert.Equal(0, enough.TakenBytes);
    }

    [Fact]
    public async Task A_service_graph_is_refused()
    {
        var memory = new QueryMemory(64);
        var span = GoldenTraces.Spans[0];
        var request =
            new ServiceGraphRequest(span.StartUnixNano - 3600_000_000_000, span.StartUnixNano + 3600_000_000_000) { Memory = memory };
        Assert.Equal(QueryErrorKind.TooLarge, (await Assert.ThrowsAsync<QueryException>(
            () => ServiceGraphQuery.RunAsync(request, Golden, default))).Kind);
        Assert.Equal(0, memory.TakenBytes);
    }
}
