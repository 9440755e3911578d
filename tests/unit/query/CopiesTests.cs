using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Metrics.Copies;
using Tempo.Engine.Query.Sources;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Traces that several sources have, as nodes do that keep copies: counted where the first one lies, and put together only where they
/// differ.
/// </summary>
public sealed class CopiesTests : IDisposable
{
    private const ulong SecondNano = 1_000_000_000;
    private const ulong BaseNano = GoldenTraces.BaseSeconds * SecondNano;

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Equal_copies_are_not_put_together()
    {
        var spans = GoldenTraces.Spans;
        var (a, b, c) = (await _store.Block(spans), await _store.Block(spans.Reverse()), await _store.Block(spans));
        foreach (var sources in new[]
        {
            new TraceSources([.. TestStore.Live(spans), .. TestStore.Live(spans.Reverse())], []),
            new TraceSources([], [.. a, .. b]),
            new TraceSources([], [.. a, .. b, .. c]),
            new TraceSources(TestStore.Live(spans), a),
            new TraceSources([.. TestStore.Live(spans), .. TestStore.Live(spans)], [.. a, .. b, .. c]),
        })
        {
            // Again: then it is known from before what two blocks have in common.
            for (var run = 0; run < 2; run++)
            {
                var result = await Run("{} | count_over_time() with(explain=true)", sources);
                Assert.Equal(GoldenTraces.Spans.Count, MetricsText.Sum(result));
                Assert.Contains("whole traces looked at: 0;", result.Explanation, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>What is left out beside its copy is that part of the trace alone: one of another time is no copy of anything.</summary>
    [Fact]
    public async Task A_trace_of_which_copies_are_left_out_goes_on_elsewhere()
    {
        var (early, late, later) = (Span(1, 0), Span(2, 20), Span(3, 30));
        var (first, second, third) = (await _store.Block([early]), await _store.Block([early]), await _store.Block([late]));
        foreach (var (expected, sources) in new[]
        {
            (2, new TraceSources([], [.. first, .. second, .. third])),
            (2, new TraceSources([.. TestStore.Live([late]), .. TestStore.Live([late])], [.. first, .. second])),
            (2, new TraceSources(TestStore.Live([late]), [.. third, .. first])),
            (3, new TraceSources(
                TestStore.Live([later]), [.. await _store.Block([later]), .. third, .. await _store.Block([late]), .. first, .. second])),
        })
            for (var run = 0; run < 2; run++)
                Assert.Equal(expected, MetricsText.Sum(await Run("{} | count_over_time()", sources)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_block_that_cannot_be_read_takes_no_copies_with_it(int damaged)
    {
        var spans = GoldenTraces.Spans;
        var blocks = new[] { await _store.Block(spans), await _store.Block(spans), await _store.Block(spans) };
        _store.DamagePages(blocks[damaged][0]);
        var sources = new TraceSources([], [.. blocks.SelectMany(static block => block)]);
        for (var run = 0; run < 2; run++)
        {
            var result = await Run("{} | count_over_time()", sources);
            Assert.True(result.IsPartial);
            Assert.Equal(spans.Count, MetricsText.Sum(result));
        }
    }

    /// <summary>Spans that differ in nothing by which duplicates are told apart: the same one counts, whoever asks.</summary>
    [Fact]
    public async Task Of_copies_the_one_counts_that_is_shown()
    {
        var (first, again) = (Span(1, 0) with { Attributes = [("v", 1L)] }, Span(1, 0) with { Attributes = [("v", 2L)] });
        foreach (var sources in new[]
        {
            new TraceSources(TestStore.Live([first, again]), []),
            new TraceSources(TestStore.Live([first, Span(5, 1), again, Span(6, 1), first]), []),
            new TraceSources([.. TestStore.Live([first]), .. TestStore.Live([again])], []),
            new TraceSources([.. TestStore.Live([first, again]), .. TestStore.Live([first])], []),
            new TraceSources(TestStore.Live([again]), await _store.Block([first])),
            new TraceSources([], [.. await _store.Block([first]), .. await _store.Block([again])]),
        })
            Assert.Equal(MetricsText.Sum(await Run("{ rootName != \"nope\" } | sum_over_time(.v)", sources)),
                MetricsText.Sum(await Run("{} | sum_over_time(.v)", sources)));
    }

    [Fact]
    public void Live_copies_are_found_across_batches_and_within_a_slice()
    {
        TestSpan[] spans = [.. Enumerable.Range(2, 6)
            .Select(static number => Span((ulong)number, 0) with { TraceId = new TraceId(0, (ulong)number / 2) })];
        var live = TestStore.Live(spans).Concat([TestStore.Live([Span(9, 0)])[0] with { SpanCount = 0 }])
            .Concat(TestStore.Live(spans.Reverse())).Concat(TestStore.Live([spans[0] with { Name = "other" }])).ToList();
        var copies = Find(live, null);
        Assert.Equal([new TraceId(0, 1), new TraceId(0, 2), new TraceId(0, 3)], copies.Ids);
        Assert.Equal([new TraceId(0, 1)], copies.Mixed);
        Assert.Equal(spans.Length, live.Index().Sum(
            view => copies.MarksOf(view.Index) is { } marks ? marks.Sum(static word => System.Numerics.BitOperations.PopCount(word)) : 0));
        Assert.Null(copies.MarksOf(0));
        Assert.Equal(copies.Digests[1..3], Find(live[2..3], null).Digests[1..3]);
        Assert.NotEqual(copies.Digests[1], copies.Digests[2]);

        var part = Find(live, new TraceSlice(new TraceId(0, 2), new TraceId(0, 3)));
        Assert.Equal([new TraceId(0, 2), new TraceId(0, 3)], part.Ids);
        Assert.Equal(copies.Digests[1..3], part.Digests);
        Assert.Equal((long.MaxValue, long.MinValue), Find(live, new TraceSlice(new TraceId(7, 0), new TraceId(7, 7))).StartSeconds);
    }

    private static LiveCopies Find(List<Engine.Storage.Live.LiveBatchView> live, TraceSlice? slice)
    {
        using var budget = new MemoryBudget(1 << 20, new QueryMemory(1 << 20));
        return LiveCopies.Find(live, slice, budget, TestContext.Current.CancellationToken);
    }

    private static TestSpan Span(ulong id, ulong second) =>
        GoldenTraces.Spans[0] with { Id = id, StartUnixNano = BaseNano + second * SecondNano, DurationNano = 1 };

    private static Task<QueryRangeResult> Run(string query, TraceSources sources) => MetricsQuery.RunAsync(
        new QueryRangeRequest
        {
            Query = query,
            StartUnixNano = BaseNano - 100 * SecondNano,
            EndUnixNano = BaseNano + 100 * SecondNano,
            StepNano = 10 * SecondNano
        },
        sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), threads: 2, TestContext.Current.CancellationToken);
}
