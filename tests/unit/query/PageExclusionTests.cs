using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Row groups and pages that cannot matter are not read, for searches, metrics and tags, and the explanation says by what. Each trace has a
/// page of its own here, and differs from the others in one thing.
/// </summary>
public sealed class PageExclusionTests
{
    private const ulong SecondNano = 1_000_000_000;
    private const ulong FirstStart = 1_700_000_000 * SecondNano;

    /// <summary>Spans of trace i (of eight): 100 s after those of the one before; longer, and of another kind of number.</summary>
    private static List<TestSpan> Spans()
    {
        var spans = new List<TestSpan>();
        for (var trace = 0; trace < 8; trace++)
            for (var span = 0; span < 3; span++)
                spans.Add(new TestSpan
                {
                    TraceId = new TraceId(0, (ulong)trace + 1),
                    Id = (ulong)((trace * 10) + span + 1),
                    Name = $"work {trace}",
                    StartUnixNano = FirstStart + ((ulong)trace * 100 * SecondNano) + (ulong)span,
                    DurationNano = (ulong)(trace + 1) * 1_000_000,
                    Kind = trace < 4 ? 2 : 3,
                    Status = trace == 5 ? 2 : 0,
                    StatusMessage = trace == 5 ? "oh" : "",
                    Resource = new TestResource(new Attributes { { "service.name", "shop" } }),
                    Attributes = trace switch
                    {
                        0 => new Attributes { { "size", 0L }, { "count", 7L } },
                        6 => new Attributes { { "size", 6000L }, { "own", "only here" } },
                        _ => new Attributes { { "size", (long)trace * 1000 } },
                    },
                    Events = trace == 7 ? [new TestEvent("e", 0, new Attributes { { "a", "b" } })] : [],
                });
        return spans;
    }

    private static DedicatedColumns Columns()
    {
        DedicatedColumnSpec[] specs =
        [
            new(AttributeScope.Span, "own", AttributeType.String, DedicatedColumnOptions.None),
            new(AttributeScope.Span, "count", AttributeType.Int, DedicatedColumnOptions.None),
        ];
        Assert.True(DedicatedColumns.TryCreate(specs, out var columns, out var error), error);
        return columns;
    }

    private static async Task<(TestStore Store, TraceSources Sources)> Block(
        int rowGroupSpans, bool withoutSidecar = false, string version = "vParquet5")
    {
        var store = new TestStore(pageSpans: 3, rowGroupSpans, Columns(), [version]);
        var handles = await store.Block(Spans());
        if (withoutSidecar) store.DeleteSidecars();
        return (store, new TraceSources([], handles));
    }

    /// <summary>It is in no range of numbers, and all the same it is not 5.</summary>
    [Theory]
    [InlineData("{ .x != 5 }", 1)]
    [InlineData("{ span.x != 5 && span.x != 6.5 }", 1)]
    [InlineData("{ .x > 5 || .x <= 5 || .x = 5 }", 0)]
    public async Task What_is_not_a_number_is_found_in_blocks_as_in_live_data(string query, int expected)
    {
        using var store = new TestStore();
        TestSpan[] spans = [Spans()[0] with { Attributes = new Attributes { { "x", double.NaN } } }];
        foreach (var sources in new[] { new TraceSources(TestStore.Live(spans), []), new TraceSources([], await store.Block(spans)) })
        {
            var request = new SearchRequest { Query = query, Limit = 10, SpansPerSpanSet = 10 };
            Assert.Equal(expected, (await TraceSearch.RunAsync(request, sources, TestContext.Current.CancellationToken)).Traces.Count);
        }
    }

    [Theory]
    [InlineData("{ duration > 6ms }", "duration > 6ms", 6, 2)]
    [InlineData("{ duration = 3ms }", "duration = 3ms", 7, 1)]
    [InlineData("{ status = error }", "status = error", 7, 1)]
    [InlineData("{ status != unset }", "status != unset", 7, 1)]
    [InlineData("{ kind = client }", "kind = client", 4, 4)]
    [InlineData("{ span.size >= 7000 }", "span.size >= 7000", 7, 1)]
    [InlineData("{ span.size = 2000.0 }", "span.size = 2000.0", 7, 1)]
    [InlineData("{ span.size < 500 }", "span.size < 500", 7, 1)]
    [InlineData("{ span.own = `only here` }", "span.own = `only here`", 7, 1)]
    [InlineData("{ span.own =~ `only.*` }", "span.own =~ `only.*`", 7, 1)]
    [InlineData("{ span.own != nil }", "span.own != nil", 7, 1)]
    [InlineData("{ span.count = 7 }", "span.count = 7", 7, 1)]
    [InlineData("{ name = `work 5` }", "name = `work 5`", 7, 1)]
    [InlineData("{ statusMessage = `oh` }", "statusMessage = `oh`", 7, 1)]
    [InlineData("{ event:name = `e` }", "event:name = `e`", 7, 1)]
    [InlineData("{ event.a = `b` }", "event.a = `b`", 7, 1)]
    [InlineData("{ duration > 6ms || status = error }", "(status = error or else duration > 6ms)", 5, 3)]
    [InlineData("{ duration > 6ms && name =~ `.*` }", "duration > 6ms", 6, 2)]
    public async Task Pages_are_passed_over_by_what_their_bounds_say(string query, string by, int skipped, int found)
    {
        foreach (var withoutSidecar in (bool[])[false, true])
            foreach (var version in (string[])["vParquet5", "vParquet4"])
            {
                var (store, sources) = await Block(rowGroupSpans: 1000, withoutSidecar, version);
                using (store)
                {
                    var search = await Search(sources, query);
                    Assert.Equal(found, search.Traces.Count);
                    Assert.Contains($"pages skipped: {skipped} by {by}", search.Explanation, StringComparison.Ordinal);
                    Assert.Equal((ulong)(found * 3), search.Metrics.InspectedSpans);
                    var metrics = await Count(sources, query);
                    Assert.Equal(found * 3, MetricsText.Sum(metrics));
                    Assert.Contains($"pages skipped: {skipped} by {by}", metrics.Explanation, StringComparison.Ordinal);
                    Assert.Equal((ulong)(found * 3), metrics.Metrics.InspectedSpans);
                }
            }
    }

    [Theory]
    [InlineData("{ duration > 6ms }", "duration > 6ms", 3)]
    [InlineData("{ span.own = `only here` }", "span.own = `only here`", 3)]
    [InlineData("{ span.nobody = 1 }", "span.nobody = 1", 4)]
    [InlineData("{ name = `work 1` }", "name = `work 1`", 3)]
    [InlineData("{ span.size > 1000000 }", "span.size > 1000000", 4)]
    [InlineData("{ status = error } | count() > 2", "status = error", 3)]
    public async Task Metrics_pass_over_row_groups_as_searches_do(string query, string by, int skipped)
    {
        // Two traces each.
        var (store, sources) = await Block(rowGroupSpans: 6);
        using (store)
        {
            Assert.Contains($"skipped: {skipped} by {by}", (await Search(sources, query)).Explanation, StringComparison.Ordinal);
            Assert.Contains($"skipped: {skipped} by {by}", (await Count(sources, query)).Explanation, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Pages_outside_the_time_are_passed_over()
    {
        var (store, sources) = await Block(rowGroupSpans: 1000);
        using (store)
        {
            // Of the traces 2 and 3.
            var request = new SearchRequest
            {
                Query = "{ } with(explain=true)",
                Limit = 100,
                StartSeconds = (1_700_000_000 + 150),
                EndSeconds = (1_700_000_000 + 350)
            };
            var search = await TraceSearch.RunAsync(request, sources, TestContext.Current.CancellationToken);
            Assert.Equal(2, search.Traces.Count);
            Assert.Contains("pages skipped: 6 by outside the time asked for", search.Explanation, StringComparison.Ordinal);
            foreach (var query in (string[])["{ }", "{ } | count() > 2"])
            {
                var metrics = await Count(sources, query, FirstStart + (150 * SecondNano), FirstStart + (350 * SecondNano));
                Assert.Equal(6, MetricsText.Sum(metrics));
                Assert.Contains("pages skipped: 6 by outside the time asked for", metrics.Explanation, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Pages_older_than_all_answers_are_passed_over()
    {
        using var store = new TestStore(pageSpans: 3, rowGroupSpans: 1000);
        // The newest trace has the lowest id, so that its page comes first.
        var spans = Spans().Select(static span => span with { TraceId = new TraceId(0, 9 - span.TraceId.Low) });
        var result = await TraceSearch.RunAsync(new SearchRequest { Query = "{ } with(explain=true)", Limit = 2 },
            new TraceSources([], await store.Block(spans)), TestContext.Current.CancellationToken);
        Assert.Equal(["work 7", "work 6"], result.Traces.Select(static trace => trace.RootTraceName));
        Assert.Contains("pages skipped: 6 by older than all answers", result.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_an_expression_may_be_passed_over_where_another_counts()
    {
        var (store, sources) = await Block(rowGroupSpans: 6);
        using (store)
        {
            var result = await Count(sources, "({ duration > 6ms } | count_over_time()) + ({ } | count_over_time())", stage: "");
            Assert.Equal(6 + 24, MetricsText.Sum(result));
            Assert.Equal(24UL, result.Metrics.InspectedSpans);
        }
    }

    [Theory]
    [InlineData("{ duration > 6ms } || { duration < 2ms } >> { true }", 0)]
    [InlineData("{ duration > 6ms } ~ { status = unset }", 0)]
    [InlineData("{ duration > 6ms } && { span.size > 6000 } | { kind = client }", 0)]
    [InlineData("{ duration > 6ms } !>> { kind = client } | select(span.size)", 0)]
    [InlineData("{ duration > 6ms } | { kind = client } && { span.size > 0 }", 0)]
    [InlineData("{ duration > 1ms } | { kind = client } | select(name) | coalesce() | { span.size > 0 } !>> { name = `nothing` } || { duration > 6ms } | { true }", 0)]
    [InlineData("{ duration > 6ms } | by(kind) | { kind = client } && { span.size > 0 }", 4)]
    public async Task Structure_puts_no_trace_together_that_lies_on_the_page_alone(string query, int wholeTraces)
    {
        var (store, sources) = await Block(rowGroupSpans: 1000);
        using (store)
        {
            var search = await Search(sources, query);
            var expected = search.Traces.Sum(static trace => trace.SpanSets.Sum(static set => set.Matched));
            Assert.True(expected > 0);
            var metrics = await Count(sources, query);
            Assert.Equal(expected, MetricsText.Sum(metrics));
            Assert.Contains($"whole traces looked at: {wholeTraces};", metrics.Explanation, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Tags_of_filtered_spans_pass_over_pages()
    {
        var (store, sources) = await Block(rowGroupSpans: 1000);
        using (store)
        {
            var all = await TagValues.RunAsync(new TagValuesRequest { Name = "span.size", Query = "{ duration > 0ms }" }, sources, default);
            var few = await TagValues.RunAsync(new TagValuesRequest { Name = "span.size", Query = "{ duration > 7ms }" }, sources, default);
            Assert.Equal(8, all.Values.Count);
            Assert.Equal("7000", Assert.Single(few.Values).Value);
            Assert.True(few.InspectedBytes < all.InspectedBytes / 3, $"{few.InspectedBytes} of {all.InspectedBytes} bytes read");
        }
    }

    private static Task<SearchResult> Search(TraceSources sources, string query) =>
        TraceSearch.RunAsync(
            new SearchRequest { Query = $"{query} with(explain=true)", Limit = 100 }, sources, TestContext.Current.CancellationToken);

    private static Task<QueryRangeResult> Count(
        TraceSources sources, string query, ulong start = FirstStart - SecondNano, ulong end = FirstStart + (1000 * SecondNano),
        string stage = " | count_over_time()")
    {
        var request = new QueryRangeRequest
        {
            Query = $"{query}{stage} with(explain=true)",
            StartUnixNano = start,
            EndUnixNano = end,
            StepNano = 10 * SecondNano
        };
        return MetricsQuery.RunAsync(
            request, sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), 1, TestContext.Current.CancellationToken);
    }
}
