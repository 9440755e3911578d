using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Slices;

/// <summary>
/// Random searches of random traces, wherever they lie, some of them hidden: the newest answers of all slices are the answer of the whole,
/// with all that is said of a trace.
/// </summary>
public sealed class SlicedSearchTests
{
    private const int QueriesPerDataSet = 12;

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(36)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Answers_of_all_slices_are_the_answer_of_the_whole(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), random.Next(3) == 0 ? OracleTests.Dedicated() : null);
        var spans = new RandomSpans(random).Next();
        TraceId[] ids = [.. spans.Select(static span => span.TraceId).Distinct()];
        var sources = await store.Sources(layout, spans);
        if (random.Next(2) == 0) sources = sources with { Hidden = random.GetItems(ids, random.Next(1, 3)).ToHashSet() };
        var sets = await SliceSets.AllOf(sources, ids, random);
        var queries = new RandomQueries(random);
        KernelKind[] kernels = [.. KernelChoice.Supported];
        for (var tried = 0; tried < QueriesPerDataSet;)
        {
            var query = queries.Next();
            if (!TraceQlParser.TryParse(query, out _, out _)) continue;
            var slices = sets[tried++ % sets.Count];
            var request = new SearchRequest
            {
                Query = query,
                Limit = random.Next(2) == 0 ? 1000 : random.Next(1, 6),
                SpansPerSpanSet = random.Next(1, 5)
            };
            if (random.Next(3) == 0)
                request = request with { StartSeconds = 1_700_000_000, EndSeconds = 1_700_000_000, MinDurationNano = random.Next(3) };
            var options = new SearchOptions { Kernel = kernels[tried % kernels.Length], MaxWorkers = random.Next(1, 4) };
            var whole = await TraceSearch.RunAsync(request, sources, options, default);
            var answers = new List<SearchResult>();
            foreach (var slice in slices)
            {
                var part = await TraceSearch.RunAsync(request, sources with { Slice = slice }, options, default);
                Assert.Equal("", part.Message);
                Assert.All(part.Traces, trace => Assert.True(slice.Contains(trace.TraceId)));
                answers.Add(part);
            }

            var expected = whole.Traces.Select(Text).ToList();
            var joined = TraceSearch.Join(request, answers);
            var merged = joined.Traces.Select(Text).ToList();
            Assert.True(expected.SequenceEqual(merged), $"""
                seed {seed}, {layout}, {store}, {options.Kernel}, {request}, {string.Join(' ', slices)}: {query}
                whole  {string.Join("\n       ", expected)}
                slices {string.Join("\n       ", merged)}
                """);

            // With room for all, each is looked at in its slice, and in no other.
            if (request.Limit == 1000) Assert.Equal(whole.Metrics.InspectedTraces, joined.Metrics.InspectedTraces);
            Assert.Equal(
                (whole.Metrics.TotalBlocks, whole.Metrics.TotalBlockBytes), (joined.Metrics.TotalBlocks, joined.Metrics.TotalBlockBytes));
        }
    }

    /// <summary>
    /// One that may read so much alone has the answer of the whole or says that it has none, and tells nothing before that is not in the
    /// answer.
    /// </summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_search_that_ends_unfinished_has_told_nothing_wrong(int seed)
    {
        var random = new Random(seed);
        using var store = TestStore.OfSeed(seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), dedicated: null);
        var sources = await store.Sources(Layout.Split, new RandomSpans(random).Next());
        foreach (var workers in new[] { 1, 3 })
        {
            var told = new Told();
            var request = new SearchRequest { Query = "{ duration > 1 }", Limit = random.Next(1, 6), Progress = told };
            var options = new SearchOptions { MaxWorkers = workers };
            var whole = await TraceSearch.RunAsync(request, sources, options, default);
            Assert.False(whole.IsUnfinished);
            var expected = whole.Traces.Select(Text).ToList();
            foreach (var most in new[] { 1, (long)(whole.Metrics.InspectedBytes / 2), (long)whole.Metrics.InspectedBytes, long.MaxValue })
            {
                told.Traces.Clear();
                var alone = await TraceSearch.RunAsync(request, sources, options with { AloneBytes = most }, default);
                Assert.All(told.Traces, trace => Assert.Contains(Text(trace), expected));
                if (most == long.MaxValue || alone.Metrics.InspectedBytes <= (ulong)most) Assert.Equal(expected, alone.Traces.Select(Text));
                Assert.Equal(most > 0 && alone.Metrics.InspectedBytes > (ulong)most, alone.IsUnfinished);
            }
        }
    }

    [Fact]
    public async Task A_search_that_is_unfinished_begins_nothing_more()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 1);
        var sources = new TraceSources([], await store.Block(new RandomSpans(new Random(7)).Next()));
        var result = await TraceSearch.RunAsync(new SearchRequest { Query = "{ duration >= 0s }", Limit = 1000 }, sources,
            new SearchOptions { MaxWorkers = 1, AloneBytes = 1 }, default);
        Assert.Equal((1U, true), (result.Metrics.CompletedJobs, result.IsUnfinished));
        Assert.True(result.Metrics.TotalJobs > 1);
    }

    [Theory]
    [InlineData("{ }", null, true)]
    [InlineData("", null, true)]
    [InlineData("{ } | count() > 1 | select(.a)", null, true)]
    [InlineData("{ } with(explain=true)", null, false)]
    [InlineData("{ } with(order_by=duration)", null, false)]
    [InlineData("{ } with(cursor=\"\")", null, false)]
    [InlineData("{ }", "", false)]
    [InlineData("{ } with(order_by=nothing)", null, false)]
    [InlineData("{", null, false)]
    public void What_may_be_divided(string query, string? cursor, bool may) =>
        Assert.Equal(may, TraceSearch.CanDivide(new SearchRequest { Query = query, Cursor = cursor }));

    [Fact]
    public void What_one_node_could_not_read_the_answer_says()
    {
        var joined = TraceSearch.Join(
            new SearchRequest(), [new SearchResult(), new SearchResult { Message = "a block" }, new SearchResult { Message = "another" }]);
        Assert.Equal("a block", joined.Message);
    }

    /// <summary>A page in another order, with a total: of a slice, its traces alone are counted.</summary>
    [Fact]
    public async Task Totals_of_all_slices_are_the_total_of_the_whole()
    {
        var random = new Random(7);
        using var store = new TestStore();
        var spans = new RandomSpans(random).Next();
        var sources = await store.Sources(Layout.Split, spans);
        var request = new SearchRequest { Query = "{ } with(order_by=duration)", Limit = 2 };
        var whole = await TraceSearch.RunAsync(request, sources, default);
        var total = 0L;
        foreach (var slice in SliceSets.EndingWith(spans.Take(5).Select(static span => span.TraceId)))
            total += (await TraceSearch.RunAsync(request, sources with { Slice = slice }, default)).Total;
        Assert.Equal(spans.DistinctBy(static span => span.TraceId).Count(), total);
        Assert.Equal(whole.Total, total);
    }

    private sealed class Told : ISearchProgress
    {
        public List<TraceSearchResult> Traces { get; } = [];

        public void Report(IReadOnlyList<TraceSearchResult> traces, SearchMetrics metrics) => Traces.AddRange(traces);
    }

    private static string Text(TraceSearchResult trace) => string.Create(
        CultureInfo.InvariantCulture,
        $"{trace.TraceId} {trace.RootServiceName ?? "-"} {trace.RootTraceName ?? "-"} {trace.StartTimeUnixNano} {trace.DurationNano} [{string.Join(", ", trace.ServiceStats)}]: {string.Join("; ", trace.SpanSets.Select(Text))}");

    private static string Text(SpanSetResult set) =>
        $"{set.Matched} {Text(set.Attributes)} {string.Join(" ", set.Spans.Select(static span => $"{span.SpanId.Value} {span.Name ?? "-"} {span.StartTimeUnixNano} {span.DurationNanos} {Text(span.Attributes)}"))}";

    private static string Text(AttributeResult[] attributes) =>
        $"{{{string.Join(", ", attributes.Select(static attribute => $"{attribute.Key}={Text(attribute.Value)}"))}}}";

    private static string Text(object value) => value is object[] items
        ? $"[{string.Join(", ", items.Select(Text))}]"
        : string.Create(CultureInfo.InvariantCulture, $"{value.GetType().Name}:{value}");
}
