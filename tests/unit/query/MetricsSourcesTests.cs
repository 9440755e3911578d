using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Spans that are in several places, that were sampled, or that cannot be read.</summary>
public sealed class MetricsSourcesTests : IDisposable
{
    private const ulong SecondNano = 1_000_000_000;
    private const ulong BaseNano = GoldenTraces.BaseSeconds * SecondNano;

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData("{} | count_over_time()", "0:1 10:4 20:2 30:3 40:2")]
    [InlineData("{} | sum_over_time(.rows)", "10:13 20:5")]
    [InlineData("{ kind = client } && { status = error } | count_over_time()", "0:0 10:3 20:0 30:0 40:0")]
    [InlineData("{} | count_traces()", "0:1 10:1 20:1 30:1 40:1")]
    public async Task WhatAClientSentTwiceCountsOnce(string query, string expected)
    {
        var spans = GoldenTraces.Spans;
        var twice = await _store.Block(spans);
        twice.AddRange(await _store.Block(spans));
        foreach (var sources in new[]
        {
            new TraceSources(TestStore.Live(spans.Concat(spans)), []),
            new TraceSources(TestStore.Live(spans.SelectMany(static s => new[] { s, s })), []),
            new TraceSources([.. TestStore.Live(spans), .. TestStore.Live(spans)], []),
            new TraceSources([], twice),
            new TraceSources(TestStore.Live(spans.Skip(3)), twice),
        })
        {
            // Again: then it is known from before which traces two blocks have in common.
            for (var run = 0; run < 2; run++)
                Assert.EndsWith("} " + expected, MetricsText.Of(await Run(query, sources)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_two_blocks_have_in_common_is_found_out_once()
    {
        var spans = GoldenTraces.Spans;
        var blocks = await _store.Block(spans);
        var others = await _store.Block(spans.Take(5));
        await Run("{} | rate()", new TraceSources([], [.. blocks, .. others]));
        var known = blocks[0].Store.CommonTraces.Of(others[0].Meta.BlockId, blocks[0].Meta.BlockId, default, TraceId.MaxValue);
        Assert.Equal(spans.Take(5).Select(static span => span.TraceId).Distinct().Order(), known!.Value.Ids);

        // Kept with the store, and not longer than the block.
        blocks[0].Close();
        Assert.Equal(0, blocks[0].Store.CommonTraces.SizeBytes);
    }

    [Fact]
    public async Task What_a_block_has_in_common_is_known_of_each_other_block_by_itself()
    {
        var spans = GoldenTraces.Spans;
        var all = await _store.Block(spans);
        var expected = MetricsText.Of(await Run("{} | count_over_time()", new TraceSources([], all)));
        var sources = new TraceSources(
            [], [.. all, .. await _store.Block(spans.Where(span => span.TraceId == spans[0].TraceId)),
                .. await _store.Block(spans.Where(span => span.TraceId == spans[^1].TraceId))]);
        for (var run = 0; run < 2; run++) Assert.Equal(expected, MetricsText.Of(await Run("{} | count_over_time()", sources)));
    }

    /// <summary>
    /// Of two spans with one id nobody can say which of them is whose parent without the whole trace; other parts of the query count it
    /// where it lies.
    /// </summary>
    [Fact]
    public async Task A_trace_that_one_part_looks_at_whole_is_not_counted_again_by_the_others()
    {
        var root = GoldenTraces.Spans[0] with { Id = 1, ParentId = 0, Name = "root" };
        var sources = new TraceSources(
            [], await _store.Block(
                [root, root with { Id = 2, ParentId = 1, Kind = 3 }, root with { Id = 2, ParentId = 1, Kind = 2 },
                    root with { Id = 3, ParentId = 2 }]));
        string[] parts = ["{ rootName = \"root\" }", "{ } >> { }", "{ } > { }", "{ } ~ { }",
            "{ rootServiceName != \"\" } && { nestedSetParent < 0 }", "{ traceDuration > 0 }", "{ } &>> { }"];
        foreach (var a in parts)
        {
            var alone = MetricsText.Sum(await Run($"{a} | count_over_time()", sources));
            foreach (var b in parts)
                Assert.Equal(alone + MetricsText.Sum(await Run($"{b} | count_over_time()", sources)),
                    MetricsText.Sum(await Run($"({a} | count_over_time()) + ({b} | count_over_time())", sources)));
        }
    }

    [Fact]
    public async Task A_thread_that_finds_too_much_ends_the_others_and_says_why()
    {
        // Many batches, so that several threads are at work; which of them finds it first is chance.
        var sources = new TraceSources([.. Enumerable.Range(0, 64).SelectMany(static _ => TestStore.Live(GoldenTraces.Spans))], []);
        for (var run = 0; run < 50; run++)
        {
            var refused = await Assert.ThrowsAsync<QueryException>(() => MetricsQuery.RunAsync(
                new QueryRangeRequest
                {
                    Query = "{} | count_over_time() by (span:id)",
                    StartUnixNano = BaseNano,
                    EndUnixNano = BaseNano + 40 * SecondNano,
                    StepNano = SecondNano
                },
                sources, new MetricsLimits { MaxBytes = 64 * 2 * sizeof(ulong) * GoldenTraces.Spans.Count + 200 },
                DateTimeOffset.UnixEpoch.AddDays(30_000), threads: 4, TestContext.Current.CancellationToken));
            Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        }
    }

    [Fact]
    public async Task OfASpanThatWasSentUnfinishedTheFinishedOneCounts()
    {
        var unfinished = GoldenTraces.Spans.Select(static s => s with { DurationNano = 0, Attributes = [] });
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), await _store.Block(unfinished));
        Assert.Equal(
            "{__name__=max_over_time} 0:4 10:2 20:1 30:3 40:0.02", MetricsText.Of(await Run("{} | max_over_time(duration)", sources)));
        Assert.Equal("{__name__=count_over_time} 0:1 10:4 20:2 30:3 40:2", MetricsText.Of(await Run("{} | count_over_time()", sources)));
        Assert.Equal("{__name__=sum_over_time} 10:13 20:5", MetricsText.Of(await Run("{} | sum_over_time(.rows)", sources)));
    }

    // The threshold's digits are the highest ones: 8 keeps the upper half, c the upper quarter.
    [Theory]
    [InlineData("", 1)]
    [InlineData("ot=th:8", 2)]
    [InlineData("vendor=x, ot=rv:00;th:c", 4)]
    [InlineData("ot=th:0", 1)]
    [InlineData("ot=th:zz", 1)]
    [InlineData("ot=th:123456789012345", 1)]
    [InlineData("th:8", 1)]
    public async Task ASampledSpanStandsForThoseThatWereNotKept(string traceState, double weight)
    {
        var spans = GoldenTraces.Spans.Select(s => s with { TraceState = traceState }).ToList();
        foreach (var sources in new[] { new TraceSources(TestStore.Live(spans), []), new TraceSources([], await _store.Block(spans)),
            new TraceSources(TestStore.Live(spans), await _store.Block(spans)) })
        {
            foreach (var query in new[] { "{} | count_over_time()", "{ rootName != \"nope\" } | count_over_time()", "{} | count_traces()",
                "{ duration > 0s } | sum_over_time(.rows)", "{ duration > 0s } | avg_over_time(.rows)" })
            {
                var plain = await Run(query, sources);
                var extrapolated = await Run(query + " with(extrapolate=true)", sources);
                var factor = query.Contains("avg", StringComparison.Ordinal) ? 1 : weight;
                Assert.Equal(
                    plain.Series[0].Samples.Select(s => s.Value * factor), extrapolated.Series[0].Samples.Select(static s => s.Value));
            }
        }
    }

    [Fact]
    public async Task ADamagedBlockIsLeftOutAndSaidSo()
    {
        var spans = GoldenTraces.Spans;
        var bad = await _store.Block(spans.Take(6));
        _store.DamagePages(bad[0]);
        foreach (var query in new[] { "{} | count_over_time()", "{ rootName != \"nope\" } | count_over_time()" })
        {
            var result =
                await Run(query, new TraceSources(TestStore.Live(spans.Skip(9)), [.. bad, .. await _store.Block(spans.Skip(6).Take(3))]));
            Assert.True(result.IsPartial);
            Assert.Contains(bad[0].Meta.BlockId.ToString(), result.Message, StringComparison.Ordinal);
            Assert.Equal("{__name__=count_over_time} 0:0 10:0 20:1 30:3 40:2", MetricsText.Of(result));
        }
    }

    /// <summary>Clocks are wrong, and some senders write no end: whoever asks for whole traces counts the same spans.</summary>
    [Theory]
    [InlineData("{ } | by(name) | count() > 0 | count_over_time()")]
    [InlineData("{ rootName != \"nope\" } | count_over_time()")]
    [InlineData("{ } | count_over_time()")]
    public async Task A_span_whose_end_is_beyond_all_time_counts_where_it_starts(string query)
    {
        const ulong start = BaseNano + SecondNano;
        var span = GoldenTraces.Spans[0] with { StartUnixNano = start, DurationNano = ulong.MaxValue - start };
        foreach (var sources in new[] { new TraceSources(TestStore.Live([span]), []), new TraceSources([], await _store.Block([span])) })
            Assert.Equal("{__name__=count_over_time} 0:0 10:1 20:0 30:0 40:0", MetricsText.Of(await Run(query, sources)));
    }

    [Fact]
    public async Task WithoutDataThereAreNoSeries()
    {
        var result = await Run("{} | rate()", new TraceSources([], []));
        Assert.Empty(result.Series);
        Assert.Equal(0u, result.Metrics.TotalJobs);
        var elsewhere =
            await Run("{} | rate()", new TraceSources([], await _store.Block(GoldenTraces.Spans)), BaseNano + 1000 * SecondNano);
        Assert.Empty(elsewhere.Series);
    }

    [Fact]
    public async Task TheMetricsSayWhatWasLookedAt()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans.Take(4)), await _store.Block(GoldenTraces.Spans.Skip(4)));
        var progress = new QueryProgress();
        var metrics = (await Run("{} | rate()", sources, progress: progress)).Metrics;
        Assert.Equal((1u, 8UL, metrics.TotalJobs), (metrics.TotalBlocks, metrics.InspectedSpans, metrics.CompletedJobs));
        Assert.True(metrics.InspectedBytes > 0 && metrics.TotalBlockBytes > metrics.InspectedBytes);

        // Who watched it has seen the same in the end.
        Assert.Equivalent(metrics, progress.Read());
    }

    /// <summary>Starts on both sides of the time asked for: their page is looked at, and nothing but its starts.</summary>
    [Fact]
    public async Task A_page_without_a_start_in_time_is_not_read_further()
    {
        var spans = new ulong[] { 0, 100 }.Select(
            static second => GoldenTraces.Spans[0] with { Id = second + 1, StartUnixNano = BaseNano + second * SecondNano }).ToList();
        var sources = new TraceSources([], await _store.Block(spans));
        var starts = await Run("{} | rate()", sources, BaseNano + 40 * SecondNano);
        var grouped = await Run("{} | rate() by (resource.service.name)", sources, BaseNano + 40 * SecondNano);
        Assert.True(starts.Metrics.InspectedBytes > 0);

        // The starts are known from before.
        Assert.Equal((2UL, 0UL), (grouped.Metrics.InspectedSpans, grouped.Metrics.InspectedBytes));
    }

    [Fact]
    public async Task An_answer_of_too_many_samples_is_refused()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        var whole = await Run("{} | rate() by (name)", sources);
        var samples = whole.Series.Sum(static series => series.Samples.Count);
        Assert.Equal(samples, (await Run("{} | rate() by (name)", sources,
            limits: new MetricsLimits { MaxResponseSamples = samples })).Series.Sum(static series => series.Samples.Count));
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => Run("{} | rate() by (name)", sources, limits: new MetricsLimits { MaxResponseSamples = samples - 1 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains($"the limit of samples is {samples - 1} (max_response_samples)", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>An attribute that has only arrays is not compared, and so is none of those that are counted.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Compare_counts_no_attribute_that_has_only_arrays(bool isLive)
    {
        const int arrays = 100;
        var span = GoldenTraces.Spans[0] with
        {
            Attributes =
            [.. Enumerable.Range(0, arrays).Select(static i => ($"k{i}", (object)new[] { "a", "b" })), ("single", new[] { "c" })]
        };
        var sources = isLive ? new TraceSources(TestStore.Live([span]), []) : new TraceSources([], await _store.Block([span]));
        var result = await Run("{} | compare({ name = \"x\" })", sources, limits: new MetricsLimits { MaxComparedAttributes = arrays });
        var text = MetricsText.Of(result);
        Assert.Contains("single", text, StringComparison.Ordinal);
        Assert.DoesNotContain("k1", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_of_too_many_samples_is_refused_before_its_series_are_made()
    {
        var sources = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        const string query = "{} | compare({ status = error })";
        var series = (await Run(query, sources)).Series;
        var samples = series.Sum(static one => one.Samples.Count);
        Assert.Equal(series.Count, (await Run(query, sources, limits: new MetricsLimits { MaxResponseSamples = samples })).Series.Count);
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => Run(query, sources, limits: new MetricsLimits { MaxResponseSamples = samples - 1 }));
        Assert.Contains($"the answer has {series.Count} series", refused.Message, StringComparison.Ordinal);

        // An answer that is cut is judged by what is left of it.
        var cut =
            await Run(query, sources, limits: new MetricsLimits { MaxResponseSamples = samples - 1, MaxResponseSeries = series.Count - 1 });
        Assert.Equal(series.Count - 1, cut.Series.Count);
    }

    private static Task<QueryRangeResult> Run(
        string query, TraceSources sources, ulong startNano = BaseNano, QueryProgress? progress = null, MetricsLimits? limits = null) =>
            MetricsQuery.RunAsync(
                new QueryRangeRequest
                {
                    Query = query,
                    StartUnixNano = startNano,
                    EndUnixNano = startNano + 40 * SecondNano,
                    StepNano = 10 * SecondNano,
                    Progress = progress
                },
                sources, limits ?? new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), threads: 2,
                TestContext.Current.CancellationToken);
}
