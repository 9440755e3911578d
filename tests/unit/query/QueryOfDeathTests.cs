using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Each query that is meant to hurt is answered, or refused as the client's own fault or as too much, with bounded memory. Time is
/// bounded by the search's own limit, which must end it: that is part of what is tested.
/// </summary>
public sealed class QueryOfDeathTests(GoldenStores stores) : IClassFixture<GoldenStores>
{
    private const long MaxAllocatedBytes = 512L << 20;

    private static readonly SearchOptions Options = new() { Timeout = TimeSpan.FromSeconds(20), MaxWorkers = 1 };

    public static TheoryData<string> Sizes() =>
        [.. QueriesOfDeath.All().Select(
            static death => death.Name[(death.Name.LastIndexOf(" x ", StringComparison.Ordinal) is > 0 and var at ? at : 0)..])
                .Where(static name => name.StartsWith(" x ", StringComparison.Ordinal)).Distinct(), ""];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task IsAnsweredOrRefused(string size)
    {
        var tried = 0;
        foreach (var (name, query) in QueriesOfDeath.All()
            .Where(death => size.Length > 0
                ? death.Name.EndsWith(size, StringComparison.Ordinal)
                : !death.Name.Contains(" x ", StringComparison.Ordinal)))
        {
            tried++;
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                await stores.Search(
                    Layout.Live, GoldenStores.Everything with { Query = query, Limit = int.MaxValue, SpansPerSpanSet = int.MaxValue },
                    Options);
            }
            catch (QueryException refused)
            {
                Assert.True(refused.Kind is QueryErrorKind.BadRequest or QueryErrorKind.TooLarge or QueryErrorKind.Timeout
                    or QueryErrorKind.NotImplemented, $"{name}: {refused.Kind} {refused.Message}");
                Assert.True(refused.Message.Length < 4096, name);
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocatedBytes, $"{name}: {allocated} bytes");
        }

        Assert.True(tried > 30);
    }

    [Fact]
    public void ThereAreEnoughOfThem() => Assert.True(QueriesOfDeath.All().Count() >= 300);

    [Fact]
    public async Task ALimitOfBytesEndsASearch()
    {
        using var store = new TestStore();
        var sources = new TraceSources([], await store.Block(GoldenTraces.Spans));
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => Search(sources, "{ .a = 1 || duration > 0s }", new SearchOptions { MaxReadBytes = 10 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains("10 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALimitOfCandidatesEndsASearch()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        var refused =
            await Assert.ThrowsAsync<QueryException>(() => Search(sources, "{ duration >= 0s }", new SearchOptions { MaxCandidates = 2 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
    }

    [Fact]
    public async Task ALimitOfListedSpansEndsASearch()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        var refused =
            await Assert.ThrowsAsync<QueryException>(() => Search(sources, "{ duration >= 0s }", new SearchOptions { MaxListedSpans = 2 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
    }

    /// <summary>Every event with every link, whichever of the two looks for one of its own.</summary>
    [Theory]
    [InlineData("{ event.a = link.a }")]
    [InlineData("{ event{ event.a = link.a } }")]
    [InlineData("{ link{ event.a = link.a } }")]
    [InlineData("{ name != \"\" } | by(event{ event.a = link.a })")]
    public async Task TooManyPairsOfEventsAndLinksEndASearch(string query)
    {
        const int each = 1100;
        var span = GoldenTraces.Spans[0] with
        {
            Events = [.. Enumerable.Range(0, each).Select(static i => new TestEvent("e", 0, []))],
            Links = [.. Enumerable.Range(0, each).Select(static i => new TestLink(new TraceId(2, 2), 1, []))],
        };
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => Search(new TraceSources(TestStore.Live([span]), []), query, new SearchOptions()));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains("1100 events and 1100 links", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A spanset for each span, of each of which many stages say something.</summary>
    [Fact]
    public async Task WhatStagesSayOfTheSpansOfATraceIsBounded()
    {
        const int spans = 8000;
        var trace = Enumerable.Range(1, spans).Select(static i => GoldenTraces.Spans[0] with { Id = (ulong)i, Attributes = [] });
        var sources = new TraceSources(TestStore.Live(trace), []);
        string Stages(string stage, int count) => string.Concat(Enumerable.Repeat(" | " + stage, count));
        foreach (var query in new[]
        {
            "{ }" + Stages("by(span:id)", 900), "{ } | by(span:id)" + Stages("count() > 0", 900),
            "{ }" + Stages("count() > 0", 900) + " | by(span:id)",
        })
        {
            var refused = await Assert.ThrowsAsync<QueryException>(() => Search(sources, query, new SearchOptions()));
            Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        }

        Assert.Equal(spans, (await Search(sources, "{ }" + Stages("by(span:id)", 100), new SearchOptions())).Traces[0].SpanSets.Length);
    }

    [Fact]
    public async Task TheTimeThatPassesEndsASearch()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        // The time is over as soon as it begins.
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => Search(
                sources, "{ duration >= 0s }", new SearchOptions { Timeout = TimeSpan.FromSeconds(30), Time = new HurriedTime() }));
        Assert.Equal(QueryErrorKind.Timeout, refused.Kind);
    }

    [Fact]
    public async Task AnExplanationSaysWhatWasSkipped()
    {
        using var store = new TestStore();
        var sources = new TraceSources([], await store.Block(GoldenTraces.Spans));
        var explained =
            (await Search(sources, "{ span.nobody.has.this = 1 && duration > 0s } with(explain=true)", new SearchOptions())).Explanation;
        Assert.NotNull(explained);
        Assert.Contains("candidates: (duration > 0s and then span.nobody.has.this = 1)", explained, StringComparison.Ordinal);
        Assert.Contains("by span.nobody.has.this = 1", explained, StringComparison.Ordinal);
        Assert.Contains("spans scanned: 0", explained, StringComparison.Ordinal);
        Assert.Null((await Search(sources, "{ }", new SearchOptions())).Explanation);
    }

    private static Task<SearchResult> Search(TraceSources sources, string query, SearchOptions options) =>
        TraceSearch.RunAsync(new SearchRequest { Query = query, Limit = 1000, SpansPerSpanSet = 1000 }, sources, options,
            TestContext.Current.CancellationToken);

    /// <summary>Every timer is due at once.</summary>
    private sealed class HurriedTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            callback(state);
            return System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, period);
        }
    }
}
