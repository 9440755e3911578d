using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>What a metrics query says of its values while it runs is in its answer, and costs it nothing but time.</summary>
public sealed class PartialSeriesTests
{
    private const long MillisecondNano = 1_000_000;
    private const ulong SecondNano = 1_000_000_000;
    private const ulong BaseNano = GoldenTraces.BaseSeconds * SecondNano;

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_the_query_what_was_given_is_final_and_the_answer_is_that_of_one_that_nobody_watches(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), null);
        var sources = await store.Sources(layout, new RandomSpans(random, timeUnitNano: MillisecondNano).Next());
        var queries = new RandomMetrics(random);
        for (var tried = 0; tried < 40;)
        {
            var query = queries.Next();
            if (!TraceQlParser.TryParse(query, out _, out _)) continue;
            tried++;
            var start = 1_700_000_000_000 + random.Next(-20, 3000);
            var request = new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = (ulong)(start * MillisecondNano),
                EndUnixNano = (ulong)((start + random.Next(100, 3000)) * MillisecondNano),
                StepNano = (ulong)(random.Next(2, 400) * MillisecondNano),
            };
            var watcher = new Watcher();
            var plain = await RangeAsync(request, sources, random.Next(1, 4));
            var watched = await RangeAsync(request with { Watcher = watcher }, sources, random.Next(1, 4));
            Assert.True(MetricsText.Of(plain) == MetricsText.Of(watched),
                $"seed {seed}, {layout}: {query}\n{MetricsText.Of(plain)}\n{MetricsText.Of(watched)}");
            var final = Samples(watched.Series);
            foreach (var given in watcher.Given.SelectMany(static given => Samples(given)))
                Assert.True(
                    final.Contains(given), $"seed {seed}, {layout}: {query} gave {given}, which is not in {string.Join(", ", final)}");

            var instant =
                new QueryInstantRequest { Query = query, StartUnixNano = request.StartUnixNano, EndUnixNano = request.EndUnixNano };
            Assert.Equal(InstantText(await InstantAsync(instant, sources)),
                InstantText(await InstantAsync(instant with { Watcher = new Watcher() }, sources)));
        }
    }

    // A span each 10 s in a block of its own. What lies in the newest blocks is final first.
    [Theory]
    [InlineData("{} | count_over_time()")]
    [InlineData("{ nestedSetParent < 0 } | count_over_time()")]
    [InlineData("{} | select(.a) | count_over_time()")]
    public async Task Steps_are_given_newest_first_when_no_block_that_is_left_reaches_into_them(string query)
    {
        using var store = new TestStore();
        var sources = new TraceSources(
            [], [.. (await Task.WhenAll(Enumerable.Range(0, 5).Select(i => store.Block([Span(i)])))).SelectMany(static block => block)]);
        var watcher = new Watcher();
        var result = await RangeAsync(
            new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = BaseNano,
                EndUnixNano = BaseNano + 50 * SecondNano,
                StepNano = 10 * SecondNano,
                Watcher = watcher
            }, sources, threads: 1);
        Assert.Equal("{__name__=count_over_time} 0:0 10:1 20:1 30:1 40:1 50:1", MetricsText.Of(result));
        Assert.Equal(["50:1", "40:1 50:1", "30:1 40:1 50:1", "20:1 30:1 40:1 50:1"],
            watcher.Given.Select(static given => Text(Assert.Single(given))));
    }

    [Fact]
    public async Task A_span_that_is_in_two_blocks_counts_once_in_what_is_given()
    {
        using var store = new TestStore();
        var sources = new TraceSources(
            [], [.. await store.Block([Span(0)]), .. await store.Block([Span(3)]), .. await store.Block([Span(3), Span(2)])]);
        var watcher = new Watcher();
        await RangeAsync(new QueryRangeRequest
        {
            Query = "{} | count_over_time()",
            StartUnixNano = BaseNano,
            EndUnixNano = BaseNano + 50 * SecondNano,
            StepNano = 10 * SecondNano,
            Watcher = watcher
        }, sources, threads: 1);
        Assert.Equal("20:0 30:1 40:1 50:0", Text(Assert.Single(watcher.Given[^1])));
    }

    [Fact]
    public async Task Of_an_instant_query_the_value_grows()
    {
        using var store = new TestStore();
        var sources = new TraceSources(
            [], [.. (await Task.WhenAll(Enumerable.Range(0, 5).Select(i => store.Block([Span(i)])))).SelectMany(static block => block)]);
        var watcher = new Watcher();
        var result = await InstantAsync(
            new QueryInstantRequest
            {
                Query = "{} | count_over_time()",
                StartUnixNano = BaseNano,
                EndUnixNano = BaseNano + 50 * SecondNano,
                Watcher = watcher
            }, sources);
        Assert.Equal(5, Assert.Single(result.Series).Value);
        Assert.Equal([1, 2, 3, 4], watcher.Given.Select(static given => Assert.Single(Assert.Single(given).Samples).Value));
    }

    [Theory]
    [InlineData("{} | count_over_time() by(name) | topk(1)")]
    [InlineData("{} | compare({ status = error })")]
    public async Task What_all_series_decide_comes_at_the_end(string query)
    {
        using var store = new TestStore();
        var sources = new TraceSources([], [.. await store.Block([Span(0)]), .. await store.Block([Span(3)])]);
        var watcher = new Watcher();
        await RangeAsync(new QueryRangeRequest
        {
            Query = query,
            StartUnixNano = BaseNano,
            EndUnixNano = BaseNano + 50 * SecondNano,
            StepNano = 10 * SecondNano,
            Watcher = watcher
        }, sources, threads: 1);
        Assert.Empty(watcher.Given);
    }

    [Fact]
    public void Each_sample_is_sent_once_and_what_changed_again()
    {
        var sent = new SentSamples();
        Assert.Equal(["a 3:1 4:0"], sent.Take([Series("a", (3, 1), (4, 0))]).Select(Named));
        Assert.Equal(["a 2:5", "b 2:1 3:0 4:0"],
            sent.Take([Series("a", (2, 5), (3, 1), (4, 0)), Series("b", (2, 1), (3, 0), (4, 0))]).Select(Named));
        Assert.Empty(sent.Take([Series("a", (2, 5), (3, 1), (4, 0))]));
        var last = Series("b", (1, 0), (2, 1), (3, 0), (4, 0));
        last.Exemplars.Add(new ExemplarResult([], 1, 2));
        var rest = sent.NotSent([Series("a", (1, 2), (2, 6), (3, 1), (4, 0)), last, Series("c", (4, 7))]);
        Assert.Equal(["a 1:2 2:6", "b 1:0", "c 4:7"], rest.Select(Named));
        Assert.Single(rest[1].Exemplars);
    }

    private static TestSpan Span(int number) => new()
    {
        TraceId = new TraceId(0, (ulong)(number + 1)),
        Id = 1,
        Resource = new TestResource([]),
        Name = $"n{number}",
        StartUnixNano = BaseNano + (ulong)number * 10 * SecondNano + 5 * SecondNano,
        DurationNano = SecondNano,
    };

    private static TimeSeriesResult Series(string name, params (long TimestampMs, double Value)[] samples)
    {
        var series = new TimeSeriesResult { Labels = [new AttributeResult("name", name)] };
        foreach (var (timestamp, value) in samples) series.Samples.Add(new SampleResult(timestamp, value));
        return series;
    }

    private static string Named(TimeSeriesResult series) =>
        $"{series.Labels[0].Value} {string.Join(' ', series.Samples.Select(static s => $"{s.TimestampMs}:{s.Value}"))}";

    private static string Text(TimeSeriesResult series) =>
        string.Join(' ', series.Samples.Select(static s => $"{s.TimestampMs / 1000 - (long)GoldenTraces.BaseSeconds}:{s.Value}"));

    private static HashSet<string> Samples(IEnumerable<TimeSeriesResult> series) =>
        [.. series.SelectMany(
            static one => one.Samples.Select(
                sample => NaiveMetrics.LabelText(one.Labels.Select(static l => (l.Key, l.Value)))
                    + NaiveMetrics.SampleText(sample.TimestampMs, sample.Value)))];

    private static string InstantText(QueryInstantResult result) =>
        string.Join(
            '\n', result.Series.Select(static s => NaiveMetrics.LabelText(s.Labels.Select(static l => (l.Key, l.Value))) + s.Value));

    private static Task<QueryRangeResult> RangeAsync(QueryRangeRequest request, TraceSources sources, int threads) =>
        MetricsQuery.RunAsync(request, sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), threads,
            TestContext.Current.CancellationToken);

    private static Task<QueryInstantResult> InstantAsync(QueryInstantRequest request, TraceSources sources) =>
        MetricsQuery.RunAsync(request, sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), threads: 1,
            TestContext.Current.CancellationToken);

    private sealed class Watcher : IPartialSeries
    {
        public List<IReadOnlyList<TimeSeriesResult>> Given { get; } = [];

        public bool IsWanted => true;

        public void Give(IReadOnlyList<TimeSeriesResult> series) => Given.Add(series);
    }
}
