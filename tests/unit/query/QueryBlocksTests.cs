using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Which blocks a query opens, and that what it could not open is told.</summary>
public sealed class QueryBlocksTests
{
    private const ulong SecondNano = 1_000_000_000;
    private const uint Base = 1_700_000_000;

    [Fact]
    public async Task A_search_opens_no_block_outside_its_time_that_has_none_of_its_traces()
    {
        using var store = new TestStore();
        var old = await store.Block([Span(1, second: 0)]);
        var recent = await store.Block([Span(2, second: 1000)]);
        var found = await Search([.. old, .. recent], "{ }", start: Base + 900, end: Base + 1100);
        Assert.Equal([2UL], found.Traces.Select(static trace => trace.TraceId.Low));
        Assert.Null(old[0].OpenReader);
        Assert.NotNull(recent[0].OpenReader);
        Assert.Equal(1u, found.Metrics.TotalBlocks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_trace_of_the_time_has_its_parts_from_outside_of_it(bool hasSidecars)
    {
        using var store = new TestStore();
        var old = await store.Block([Span(1, second: 0, id: 7)]);
        var recent = await store.Block([Span(1, second: 1000, id: 8)]);
        if (!hasSidecars) store.DeleteSidecars();
        var found = await Search([.. old, .. recent], "{ } | count() = 2", start: Base + 900, end: Base + 1100);
        Assert.Equal(2u, Assert.Single(Assert.Single(found.Traces).SpanSets).Matched);
    }

    [Fact]
    public async Task Blocks_are_opened_newest_first_and_not_once_the_answer_cannot_change()
    {
        using var store = new TestStore();
        var blocks = new List<BlockHandle>();
        foreach (var second in new[] { 0, 2000, 1000, 3000, 500 })
            blocks.AddRange(await store.Block(Enumerable.Range(1, 3).Select(i => Span((ulong)(second + i), second + i))));
        var found = await Search(blocks, "{ } with(explain=true)", limit: 3, maxWorkers: 1);
        Assert.Equal([3003UL, 3002UL, 3001UL], found.Traces.Select(static trace => trace.TraceId.Low));
        Assert.Equal([false, false, false, true, false], blocks.Select(static block => block.OpenReader is not null));
        Assert.Contains("blocks never opened: 4 of 5", found.Explanation, StringComparison.Ordinal);
    }

    /// <summary>
    /// Traces of live data wait for a block that may have newer ones. When it is open, none of its row groups is of the time asked for:
    /// they were never looked at, and the answer was empty.
    /// </summary>
    [Fact]
    public async Task Traces_that_waited_for_a_block_without_any_of_the_time_are_found()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 1);
        var block = await store.Block([Span(8, second: 0), Span(9, second: 1000)]);
        var live = TestStore.Live([Span(1, second: 10), Span(2, second: 11), Span(3, second: 12)]);
        var request = new SearchRequest { Query = "{ }", StartSeconds = Base + 5, EndSeconds = Base + 20, Limit = 2 };
        var found = await TraceSearch.RunAsync(
            request, new TraceSources(live, block), new SearchOptions { MaxWorkers = 1 }, TestContext.Current.CancellationToken);
        Assert.Equal([3UL, 2UL], found.Traces.Select(static trace => trace.TraceId.Low));
        Assert.NotNull(block[0].OpenReader);
    }

    [Fact]
    public async Task Each_query_counts_what_it_could_not_read()
    {
        using var store = new TestStore();
        var blocks = new List<BlockHandle>();
        for (var i = 1; i <= 4; i++) blocks.AddRange(await store.Block([Span((ulong)i, second: i)]));
        store.DamageFooter(blocks[0]);
        store.DamagePages(blocks[1]);
        store.DamageFooter(blocks[3]);
        store.DeleteSidecars();
        var sources = new TraceSources([], blocks);
        var whole = sources with { BlockDamage = "block x could not be read: no meta" };
        foreach (var (asked, expected) in new[] { (sources, "(and 2 more)"), (whole, "block x could not be read: no meta") })
        {
            var search = await Search(asked, "{ name = `op` }");
            var metrics = await MetricsQuery.RunAsync(
                new QueryRangeRequest
                {
                    Query = "{ } | rate()",
                    StartUnixNano = Base * SecondNano,
                    EndUnixNano = (Base + 60) * SecondNano,
                    StepNano = 60 * SecondNano
                }, asked, new MetricsLimits(), DateTimeOffset.UtcNow, 1, default);
            var graph =
                await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Base * SecondNano, (Base + 60) * SecondNano), asked, default);
            var names = await TagNames.RunAsync(new TagNamesRequest { Query = "{ kind = server }" }, asked, default);
            var values = await TagValues.RunAsync(new TagValuesRequest { Name = "name", Query = "{ kind = server }" }, asked, default);
            var trace = await TraceFinder.FindAsync(asked, new TraceId(1, 3), 0, 0, default);
            Assert.All(new[] { search.Message, metrics.Message, graph.Message, names.Message, values.Message, trace.Damage },
                message => Assert.Contains(expected, message, StringComparison.Ordinal));
            Assert.Equal(3UL, Assert.Single(search.Traces).TraceId.Low);
            Assert.Equal(1, trace.SpanCount);
        }
    }

    [Fact]
    public async Task With_room_for_one_open_block_answers_are_the_same()
    {
        var answers = new List<string>();
        foreach (var bytes in new[] { 1L << 30, 0 })
        {
            using var store = new TestStore(columnCacheBytes: 0, openBlockBytes: bytes);
            var blocks = new List<BlockHandle>();
            for (var i = 0; i < 5; i++)
                blocks.AddRange(await store.Block(
                    Enumerable.Range(1, 9).Select(n => Span((ulong)n, second: i * 10 + n, id: (ulong)(i * 100 + n)))));
            var found = await Search(blocks, "{ } | count() > 1");
            Assert.Equal(bytes == 0 ? 1 : 5, store.OpenCount);
            answers.Add(string.Join(' ', found.Traces.Select(static trace => $"{trace.TraceId} {trace.SpanSets[0].Matched}")));
            Assert.Empty(found.Message);
        }

        Assert.Equal(answers[0], answers[1]);
        Assert.Contains(" 5", answers[0], StringComparison.Ordinal);
    }

    private static Task<SearchResult> Search(
        IReadOnlyList<BlockHandle> blocks, string query, uint start = 0, uint end = 0, int limit = 100, int maxWorkers = 2) =>
            Search(new TraceSources([], blocks), query, start, end, limit, maxWorkers);

    private static Task<SearchResult> Search(
        TraceSources sources, string query, uint start = 0, uint end = 0, int limit = 100, int maxWorkers = 2) => TraceSearch.RunAsync(
            new SearchRequest { Query = query, StartSeconds = start, EndSeconds = end, Limit = limit, SpansPerSpanSet = 100 },
            sources, new SearchOptions { MaxWorkers = maxWorkers }, TestContext.Current.CancellationToken);

    private static TestSpan Span(ulong trace, int second, ulong id = 1) => new()
    {
        TraceId = new TraceId(1, trace),
        Id = id,
        Kind = 2,
        Name = "op",
        StartUnixNano = (Base + (ulong)second) * SecondNano,
        DurationNano = 1000,
        Resource = new TestResource([("service.name", "front")]),
    };
}
