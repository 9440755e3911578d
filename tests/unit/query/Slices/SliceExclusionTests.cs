using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Slices;

/// <summary>
/// What lies outside of a slice is not read, and is no job of it. Traces 1 to 8, of three spans each, a page each, two pages in a row
/// group.
/// </summary>
public sealed class SliceExclusionTests : IDisposable
{
    private const ulong SecondNano = 1_000_000_000;
    private const ulong Start = 1_700_000_000 * SecondNano;

    // Nothing is kept from query to query, so that it is told what each has read.
    private readonly TestStore _store = new(pageSpans: 3, rowGroupSpans: 6, columnCacheBytes: 0);

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData("{ } | rate()")]
    [InlineData("{ name = `op` } | rate()")]
    [InlineData("{ rootName = `op` } | rate()")]
    [InlineData("{ } | count_traces()")]
    [InlineData("{ } | compare({ name = `op` })")]
    public async Task Metrics_read_the_row_groups_of_a_slice_alone(string query)
    {
        var sources = new TraceSources([], await _store.Block(Spans()));
        await CheckRowGroups(async slice =>
        {
            var progress = new QueryProgress();
            var result = await Count(query, sources with { Slice = slice }, progress);

            // Who watched it has seen the same in the end.
            var seen = progress.Read();
            Assert.Equal((result.Metrics.TotalJobs, result.Metrics.CompletedJobs, result.Metrics.InspectedSpans),
                (seen.TotalJobs, seen.CompletedJobs, seen.InspectedSpans));
            return (result.Metrics, result.Explanation!);
        });
    }

    [Theory]
    [InlineData("{ }")]
    [InlineData("{ name = `op` }")]
    [InlineData("{ } | count() > 1")]
    [InlineData("{ rootName = `op` }")]
    public async Task Searches_read_the_row_groups_of_a_slice_alone(string query)
    {
        var sources = new TraceSources([], await _store.Block(Spans()));
        await CheckRowGroups(async slice =>
        {
            var result = await Search(query, sources with { Slice = slice });
            return (result.Metrics, result.Explanation!);
        });
    }

    private static async Task CheckRowGroups(Func<TraceSlice?, Task<(SearchMetrics Metrics, string Explanation)>> run)
    {
        var whole = (await run(null)).Metrics;
        Assert.Equal((4u, 24UL), (whole.TotalJobs, whole.InspectedSpans));

        // The last id of a row group does not make the next one a job.
        var (second, how) = await run(Ids(3, 4));
        Assert.Equal((1u, 1u, 6UL), (second.TotalJobs, second.CompletedJobs, second.InspectedSpans));
        Assert.Contains("skipped: 3 by outside the slice", how, StringComparison.Ordinal);
        Assert.DoesNotContain("pages skipped", how, StringComparison.Ordinal);
        Assert.InRange(second.InspectedBytes, 1UL, whole.InspectedBytes / 3);

        // A page that begins behind it is passed over.
        var (one, why) = await run(Ids(5, 5));
        Assert.Equal((1u, 1u, 3UL), (one.TotalJobs, one.CompletedJobs, one.InspectedSpans));
        Assert.Contains("pages skipped: 1 by outside the slice", why, StringComparison.Ordinal);
        Assert.InRange(one.InspectedBytes, 1UL, whole.InspectedBytes / 6);

        var (nothing, _) = await run(Ids(100, 200));
        Assert.Equal((0u, 0u, 0UL, 0UL), (nothing.TotalJobs, nothing.CompletedJobs, nothing.InspectedSpans, nothing.InspectedBytes));

        SearchMetrics[] all = [.. await Task.WhenAll(
            new[] { Ids(0, 2), Ids(3, 6), Ids(7, ulong.MaxValue) }.Select(async slice => (await run(slice)).Metrics))];
        Assert.Equal((4L, 4L, 24L), (all.Sum(static one => one.TotalJobs), all.Sum(static one => one.CompletedJobs),
            all.Sum(static one => (long)one.InspectedSpans)));
        Assert.Equal(whole.InspectedTraces, (uint)all.Sum(static one => one.InspectedTraces));
    }

    /// <summary>Blocks of others have no index, perhaps: then it is the bounds of the pages that say what lies on them.</summary>
    [Fact]
    public async Task Without_an_index_pages_are_passed_over()
    {
        var sources = new TraceSources([], await _store.Block(Spans())) { Slice = Ids(3, 4) };
        _store.DeleteIndexes();
        var counted = await Count("{ } | rate()", sources);
        var found = await Search("{ }", sources);
        Assert.Equal([4UL, 3UL], found.Traces.Select(static trace => trace.TraceId.Low));
        Assert.Equal(6, MetricsText.Sum(counted) * 60, precision: 6);
        foreach (var (metrics, how) in new[] { (counted.Metrics, counted.Explanation), (found.Metrics, found.Explanation) })
        {
            Assert.Equal((4u, 6UL), (metrics.TotalJobs, metrics.InspectedSpans));
            Assert.Contains("pages skipped: 6 by outside the slice", how, StringComparison.Ordinal);
        }
    }

    /// <summary>By its bounds the page may have traces of the slice; by its ids, which are read first, it has none.</summary>
    [Fact]
    public async Task A_page_whose_ids_lie_on_both_sides_is_not_read_further()
    {
        using var store = new TestStore(pageSpans: 100, columnCacheBytes: 0);
        var sources = new TraceSources([], await store.Block(Spans().Where(static span => span.TraceId.Low is 1 or 8)));
        foreach (var run in (Func<TraceSources, Task<(SearchMetrics Metrics, string? How)>>[])
            [
                async sources => await Search("{ name = `op` }", sources) is var found ? (found.Metrics, found.Explanation) : default,
                async sources =>
                    await Count("{ name = `op` } | rate()", sources) is var counted ? (counted.Metrics, counted.Explanation) : default,
            ])
        {
            var whole = (await run(sources)).Metrics;
            var (metrics, how) = await run(sources with { Slice = Ids(3, 5) });
            Assert.Equal((6UL, 0UL, 1u), (whole.InspectedSpans, metrics.InspectedSpans, metrics.TotalJobs));
            Assert.InRange(metrics.InspectedBytes, 1UL, whole.InspectedBytes - 1);
            Assert.Contains("pages skipped: 1 by outside the slice", how, StringComparison.Ordinal);
        }
    }

    /// <summary>It is not known how many row groups of a block that was never opened are of a slice: it counts as one job.</summary>
    [Fact]
    public async Task A_block_that_is_never_opened_is_one_job_of_each_slice()
    {
        var blocks = new List<BlockHandle>();
        for (var i = 0UL; i < 5; i++)
            blocks.AddRange(await _store.Block(
                Spans().Select(span =>
                    span with { TraceId = new TraceId(i, span.TraceId.Low), StartUnixNano = span.StartUnixNano + i * 1000 * SecondNano })));
        var request = new SearchRequest { Query = "{ }", Limit = 1 };
        var options = new SearchOptions { MaxWorkers = 1 };
        var whole = await TraceSearch.RunAsync(request, new TraceSources([], blocks), options, TestContext.Current.CancellationToken);
        var part = await TraceSearch.RunAsync(request,
            new TraceSources([], blocks) { Slice = new TraceSlice(new TraceId(4, 3), new TraceId(4, 4)) }, options,
            TestContext.Current.CancellationToken);
        Assert.Equal((20u, 5u), (whole.Metrics.TotalJobs, part.Metrics.TotalJobs));
        Assert.Equal((5u, 5u), (whole.Metrics.TotalBlocks, part.Metrics.TotalBlocks));
        Assert.Equal(1u, part.Metrics.CompletedJobs);
    }

    /// <summary>Of two blocks that may have traces in common, the ids of a slice are compared, and take memory.</summary>
    [Fact]
    public async Task Ids_outside_of_a_slice_are_not_compared()
    {
        const int traces = 1000;
        var spans = Spans(traces);
        using var store = new TestStore(pageSpans: 30, rowGroupSpans: 60);
        var sources = new TraceSources(TestStore.Live(spans), [.. await store.Block(spans), .. await store.Block(spans)]);
        var limits = new MetricsLimits { MaxBytes = traces * TraceId.SizeBytes };
        var refused = await Assert.ThrowsAsync<QueryException>(() => Count("{ } | count_over_time()", sources, limits: limits));
        Assert.Contains("fingerprints of live spans", refused.Message, StringComparison.Ordinal);
        refused =
            await Assert.ThrowsAsync<QueryException>(() => Count("{ } | count_over_time()", sources with { Live = [] }, limits: limits));
        Assert.Contains("trace ids", refused.Message, StringComparison.Ordinal);
        var result = await Count("{ } | count_over_time()", sources with { Slice = Ids(3, 4) }, limits: limits);
        Assert.Equal(6, MetricsText.Sum(result));
        Assert.Contains("whole traces looked at: 0;", result.Explanation, StringComparison.Ordinal);

        // What two blocks have in common of a slice is not all that they have in common.
        Assert.Equal(traces * 3, MetricsText.Sum(await Count("{ } | count_over_time()", sources with { Live = [] })));
    }

    private static TraceSlice Ids(ulong first, ulong last) => new(new TraceId(0, first), new TraceId(0, last));

    private static Task<SearchResult> Search(string query, TraceSources sources) =>
        TraceSearch.RunAsync(
            new SearchRequest { Query = $"{query} with(explain=true)", Limit = 100 }, sources, TestContext.Current.CancellationToken);

    private static Task<QueryRangeResult> Count(
        string query, TraceSources sources, QueryProgress? progress = null, MetricsLimits? limits = null)
    {
        var request = new QueryRangeRequest
        {
            Query = $"{query} with(explain=true)",
            StartUnixNano = Start,
            EndUnixNano = Start + 60 * SecondNano,
            StepNano = 60 * SecondNano,
            Progress = progress
        };
        return MetricsQuery.RunAsync(request, sources, limits ?? new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), 1,
            TestContext.Current.CancellationToken);
    }

    private static List<TestSpan> Spans(int traces = 8) => [.. Enumerable.Range(0, traces * 3).Select(static i => new TestSpan
    {
        TraceId = new TraceId(0, (ulong)(i / 3) + 1),
        Id = (ulong)i + 1,
        ParentId = i % 3 == 0 ? 0 : (ulong)(i - i % 3) + 1,
        Name = "op",
        StartUnixNano = Start + (ulong)(i + 1) * (SecondNano / 100),
        DurationNano = 1_000_000,
        Resource = new TestResource(new Attributes { { "service.name", "shop" } }),
    })];
}
