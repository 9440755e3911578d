using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>More traces than one round looks at, and sources that fail.</summary>
public sealed class ManyTracesTests
{
    private const int TraceCount = 700;

    [Theory]
    [InlineData("{ .even }", 1)]
    [InlineData("{ .even }", 40)]
    [InlineData("{ .even }", 1000)]
    [InlineData("{ .rare = 1 }", 3)]
    [InlineData("{} | count() = 2", 100)]
    public async Task TheNewestAreFoundWhateverTheRoundTheyAreIn(string query, int limit)
    {
        using var store = new TestStore(pageSpans: 16, rowGroupSpans: 200);
        var spans = Spans();
        var expected = spans.Where(
            span => query.Contains("even", StringComparison.Ordinal)
                ? Has(span, "even", true)
                : !query.Contains("rare", StringComparison.Ordinal) || Has(span, "rare", 1L))
            .GroupBy(static s => s.TraceId).OrderByDescending(static g => g.Min(static s => s.StartUnixNano)).ThenBy(static g => g.Key)
            .Select(static g => g.Key).Take(limit).ToList();
        foreach (var layout in Enum.GetValues<Layout>())
        {
            var result =
                await TraceSearch.RunAsync(new SearchRequest { Query = query, Limit = limit }, await store.Sources(layout, spans), default);
            Assert.Equal(expected, result.Traces.Select(static t => t.TraceId));
        }
    }

    [Theory]
    [InlineData("{} | max(.rare) = 1", 3)]
    [InlineData("{ .even }", 40)]
    public async Task WhatIsReportedIsTheBeginningOfTheAnswer(string query, int limit)
    {
        using var store = new TestStore(pageSpans: 16, rowGroupSpans: 200);
        foreach (var layout in Enum.GetValues<Layout>())
        {
            var progress = new Progress();
            var request = new SearchRequest { Query = query, Limit = limit, Progress = progress };
            var result = await TraceSearch.RunAsync(request, await store.Sources(layout, Spans()), default);
            Assert.Equal(result.Traces.Take(progress.Traces.Count).Select(static t => t.TraceId), progress.Traces);
            Assert.True(progress.JobsSeen > 0);
            if (query.Contains("rare", StringComparison.Ordinal)) Assert.NotEmpty(progress.Traces);
        }
    }

    [Fact]
    public async Task ADamagedBlockIsLeftOutAndSaidSo()
    {
        using var store = new TestStore();
        var spans = GoldenTraces.Spans;
        var bad = await store.Block(spans.Take(6));
        store.DamagePages(bad[0]);
        var sources = new TraceSources(TestStore.Live(spans.Skip(9)), [.. bad, .. await store.Block(spans.Skip(6).Take(3))]);
        var result = await TraceSearch.RunAsync(new SearchRequest { Query = "{ duration > 0s }" }, sources, default);
        Assert.Equal(["T5", "T4", "T3"], result.Traces.Select(static t => GoldenTraces.NameOf(t.TraceId)));
        Assert.Contains(bad[0].Meta.BlockId.ToString(), result.Message, StringComparison.Ordinal);
        Assert.True(result.Metrics.CompletedJobs < result.Metrics.TotalJobs);
    }

    /// <summary>Unix seconds of 32 bits end in 2106, nanoseconds of 64 in 2554.</summary>
    [Fact]
    public async Task WhatIsLaterThanARangeCanSayIsFoundByTheLargest()
    {
        using var store = new TestStore();
        TestSpan[] spans =
        [
            GoldenTraces.Spans[0],
            GoldenTraces.Spans[0] with { TraceId = new TraceId(2200, 1), StartUnixNano = 7_258_118_400_000_000_000 },
            GoldenTraces.Spans[0] with { TraceId = new TraceId(2554, 1), StartUnixNano = ulong.MaxValue, DurationNano = 0 },
        ];
        foreach (var layout in Enum.GetValues<Layout>())
        {
            async Task<int> Count(uint start, uint end) => (await TraceSearch.RunAsync(
                new SearchRequest { Query = "{}", StartSeconds = start, EndSeconds = end }, await store.Sources(layout, spans),
                default)).Traces.Count;

            Assert.Equal((layout, 3, 3), (layout, await Count(1, uint.MaxValue), await Count(0, 0)));
            Assert.Equal((layout, 2, 1), (layout, await Count(uint.MaxValue - 1, uint.MaxValue), await Count(1, uint.MaxValue - 1)));
        }
    }

    [Fact]
    public async Task ACancelledSearchStops()
    {
        using var store = new TestStore();
        var sources = await store.Sources(Layout.Split, GoldenTraces.Spans);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => TraceSearch.RunAsync(new SearchRequest { Query = "{}" }, sources, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task PairsOfEventsAndLinksAreLimited()
    {
        var many = Enumerable.Range(0, 1100);
        var span = GoldenTraces.Spans[0] with
        {
            Events = [.. many.Select(static i => new TestEvent("e", 0, new Attributes { { "i", (long)i } }))],
            Links = [.. many.Select(static i => new TestLink(new TraceId(0, 1), (ulong)i + 1, []))],
        };
        var sources = new TraceSources(TestStore.Live([span]), []);
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => TraceSearch.RunAsync(
                new SearchRequest { Query = "{ event.i = link.i }" }, sources, TestContext.Current.CancellationToken));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        var one =
            await TraceSearch.RunAsync(new SearchRequest { Query = "{ event.i = 1099 }" }, sources, TestContext.Current.CancellationToken);
        Assert.Single(one.Traces);
    }

    // Two spans a trace, the second one named; starts collide in pairs of traces.
    private static List<TestSpan> Spans()
    {
        var resource = new TestResource(new Attributes { { "service.name", "many" } });
        var spans = new List<TestSpan>();
        for (var i = 0; i < TraceCount; i++)
        {
            // Ids in another order than starts.
            var id = new TraceId((ulong)(i * 7919 % TraceCount), (ulong)i + 1);
            var start = (GoldenTraces.BaseSeconds * 1_000_000_000UL) + ((ulong)(i / 2) * 1_000_000_000UL);
            spans.Add(new TestSpan
            {
                TraceId = id,
                Id = (ulong)(2 * i) + 1,
                StartUnixNano = start,
                DurationNano = 10,
                Resource = resource,
                Name = "root",
                Attributes = new Attributes { { "even", i % 2 == 0 } }
            });
            spans.Add(new TestSpan
            {
                TraceId = id,
                Id = (ulong)(2 * i) + 2,
                ParentId = (ulong)(2 * i) + 1,
                StartUnixNano = start,
                DurationNano = 5,
                Resource = resource,
                Name = "child",
                Attributes = new Attributes { { "rare", i % 100 == 0 ? 1L : 0L }, { "even", i % 2 == 0 } },
            });
        }

        return spans;
    }

    private static bool Has(TestSpan span, string key, object value) => span.Attributes.Contains((key, value));

    private sealed class Progress : ISearchProgress
    {
        public List<TraceId> Traces { get; } = [];
        public uint JobsSeen { get; private set; }

        public void Report(IReadOnlyList<TraceSearchResult> traces, SearchMetrics metrics)
        {
            Traces.AddRange(traces.Select(static t => t.TraceId));
            JobsSeen = Math.Max(JobsSeen, metrics.CompletedJobs);
        }
    }
}
