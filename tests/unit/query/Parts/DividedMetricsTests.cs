using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Parts;

/// <summary>A metrics query whose traces several nodes have counted answers as one that has counted them all itself.</summary>
public sealed class DividedMetricsTests
{
    private const ulong MillisecondNano = 1_000_000;
    private const ulong SecondNano = 1_000 * MillisecondNano;
    private const ulong BaseNano = GoldenTraces.BaseSeconds * SecondNano;

    private static readonly string[] Thresholds = ["", "ot=th:8", "ot=th:c", "ot=th:0"];

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(40)];

    /// <summary>Values are halves and weights powers of two, so that sums are exact in every order.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_the_query_parts_add_up_to_what_one_node_counts(int seed)
    {
        const int queriesPerDataSet = 30;
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), random.Next(3) == 0 ? OracleTests.Dedicated() : null);
        var spans = new RandomSpans(random, timeUnitNano: MillisecondNano).Next()
            .ConvertAll(span => span with { TraceState = Thresholds[random.Next(Thresholds.Length)] });
        var one = await store.Sources(layout, spans);
        var nodes = random.Next(2) == 0
            ? await DividedQuery.DivideAsync(store, layout, spans, random.Next(2, 6), random)
            : DividedQuery.Slice(one, spans, random.Next(2, 6), random);
        var queries = new RandomMetrics(random);
        for (var tried = 0; tried < queriesPerDataSet;)
        {
            var query = queries.Next() + (random.Next(4) == 0 ? " with(extrapolate=true)" : "");
            if (!TraceQlParser.TryParse(query, out _, out _)) continue;
            tried++;
            Assert.True(MetricsQuery.CanDivide(query), query);
            var start = 1_700_000_000_000 + (ulong)random.Next(0, 3000);
            var request = new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = start * MillisecondNano,
                EndUnixNano = (start + (ulong)random.Next(5, 3000)) * MillisecondNano,
                StepNano = (ulong)random.Next(2, 400) * MillisecondNano,
            };
            // Blocks of few traces may all lie beside a time that one block of all of them spans, and then nothing is there to be looked
            // at.
            var first = request.StartUnixNano - request.StartUnixNano % request.StepNano - request.StepNano;
            var last = (request.EndUnixNano + request.StepNano - 1) / request.StepNano * request.StepNano;
            if (HasAny([one], first, last) != HasAny(nodes, first, last)) continue;
            var limits = new MetricsLimits { Kernel = KernelChoice.Supported.ElementAt(tried % KernelChoice.Supported.Count()) };
            var divided = new DividedQuery(nodes, limits, threads: random.Next(1, 4));
            AssertSame(await new DividedQuery([one], limits).RangeAsync(request), await divided.RangeAsync(request), withExemplars: false,
                $"seed {seed}, {layout}, {nodes.Count} nodes, {store}: {query}");

            if (HasAny([one], request.StartUnixNano, request.EndUnixNano) != HasAny(nodes, request.StartUnixNano, request.EndUnixNano))
                continue;
            var instant =
                new QueryInstantRequest { Query = query, StartUnixNano = request.StartUnixNano, EndUnixNano = request.EndUnixNano };
            Assert.Equal(DividedQuery.Text(await new DividedQuery([one], limits).InstantAsync(instant)),
                DividedQuery.Text(await divided.InstantAsync(instant)));
        }
    }

    public static TheoryData<Layout> Layouts() => [.. Enum.GetValues<Layout>()];

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task What_is_known_of_one_node_is_answered_by_three(Layout layout)
    {
        using var store = new TestStore();
        var nodes = await DividedQuery.DivideAsync(store, layout, GoldenTraces.Spans, 3, new Random(1));
        Assert.All(nodes, static node => Assert.NotEqual(0, node.Live.Count + node.Blocks.Count));
        foreach (var (_, query, expected) in QueryTable.Read("golden-range.txt").Concat(QueryTable.Read("rules-metrics.txt"))
            .Select(static row => row.Data).Where(row => row.Item1 == layout))
        {
            var result = MetricsText.Of(await new DividedQuery(nodes).RangeAsync(Request(query)));
            Assert.True(MetricsText.Sorted(expected) == MetricsText.Sorted(result), $"{query}\n{expected}\n{result}");
        }
    }

    /// <summary>
    /// Spans of a trace start apart from each other and within one interval: then it does not depend on the pages which of them stands for
    /// it.
    /// </summary>
    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task Exemplars_are_those_of_one_node(Layout layout)
    {
        string[] queries =
        [
            "{} | rate()",
            "{ status = error } | count_over_time() by (name, resource.service.name)",
            "{} | max_over_time(duration) by (.a)",
            "{} | avg_over_time(.b)",
            "{} | quantile_over_time(duration, 0.5, 0.9) by (kind)",
            "{} | histogram_over_time(duration) by (name)",
            "{ rootName != \"nope\" } | rate() by (name)",
            "{} | select(.a) | rate() by (span.b)",
            "{} | compare({ status = error })",
            "({ status = error } | rate() by (name)) / ({} | rate() by (name))",
            "{} | rate() by (name) with(exemplars=7)",
        ];
        var random = new Random((int)layout);
        var spans = ManyTraces(random);
        using var store = new TestStore(pageSpans: 50, rowGroupSpans: 150);
        var sources = await store.Sources(layout, spans);
        var one = new DividedQuery([sources]);
        DividedQuery[] divided = [new(await DividedQuery.DivideAsync(store, layout, spans, random.Next(2, 6), random)),
            new(DividedQuery.Slice(sources, spans, random.Next(2, 6), random))];
        foreach (var query in queries)
        {
            var request = new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = BaseNano,
                EndUnixNano = BaseNano + 300 * SecondNano,
                StepNano = 5 * SecondNano
            };
            var expected = await one.RangeAsync(request);
            Assert.NotEmpty(expected.Series.SelectMany(static series => series.Exemplars));
            foreach (var nodes in divided) AssertSame(expected, await nodes.RangeAsync(request), withExemplars: true, $"{layout}: {query}");
        }
    }

    [Theory]
    [InlineData("{} | count_over_time()", true)]
    [InlineData("{} | compare({ status = error })", true)]
    [InlineData("{} | count_distinct(.a) by (name) | topk(2)", true)]
    [InlineData("({} | rate()) / ({} | count_traces())", true)]
    [InlineData("{} | rate() with(exemplars=false, explain=false)", true)]
    [InlineData("{} | rate() with(explain=true)", false)]
    [InlineData("{} | rate(", false)]
    [InlineData("{ .a = 1 }", false)]
    [InlineData("", false)]
    public void Metrics_queries_can_be_divided_but_for_those_that_want_to_be_explained(string query, bool expected) =>
        Assert.Equal(expected, MetricsQuery.CanDivide(query));

    [Fact]
    public async Task Nodes_that_have_nothing_add_nothing()
    {
        var nothing = new TraceSources([], []);
        var all = new TraceSources(TestStore.Live(GoldenTraces.Spans), []);
        var request = Request("{} | count_over_time()");
        const string expected = "{__name__=count_over_time} 0:1 10:4 20:2 30:3 40:2";
        Assert.Equal(expected, MetricsText.Of(await new DividedQuery([nothing, all]).RangeAsync(request)));
        Assert.Equal(expected, MetricsText.Of(await new DividedQuery([all, nothing]).RangeAsync(request)));
        Assert.Equal(expected, MetricsText.Of(await new DividedQuery([nothing, nothing, all, nothing]).RangeAsync(request)));

        // Without spans a count is zero; without anything that may have spans there is none.
        Assert.Empty((await new DividedQuery([nothing, nothing]).RangeAsync(request)).Series);
        Assert.Equal("{__name__=count_over_time} 0:0 10:0 20:0 30:0 40:0",
            MetricsText.Of(await new DividedQuery([nothing, all]).RangeAsync(
                request with { Query = "{ name = \"nope\" } | count_over_time()" })));
    }

    [Fact]
    public async Task What_was_looked_at_adds_up_and_blocks_are_the_same_for_all()
    {
        // Nothing is kept from one query to the next, but that the blocks are open.
        using var store = new TestStore(columnCacheBytes: 0);
        var nodes = new List<TraceSources>();
        foreach (var trace in GoldenTraces.Spans.GroupBy(static span => span.TraceId))
            nodes.Add(new TraceSources(TestStore.Live([.. trace.Take(1)]), await store.Block(trace)));
        var request = Request("{} | rate() by (name)");
        await new DividedQuery(nodes).RangeAsync(request);
        var each = new List<SearchMetrics>();
        foreach (var node in nodes) each.Add((await new DividedQuery([node]).RangeAsync(request)).Metrics);
        var metrics = (await new DividedQuery(nodes).RangeAsync(request)).Metrics;
        Assert.Equal(each.Sum(static m => (long)m.InspectedBytes), (long)metrics.InspectedBytes);
        Assert.Equal(each.Sum(static m => (long)m.InspectedSpans), (long)metrics.InspectedSpans);
        Assert.Equal(each.Sum(static m => m.TotalJobs), metrics.TotalJobs);
        Assert.Equal(metrics.TotalJobs, metrics.CompletedJobs);
        Assert.Equal((1u, each.Max(static m => m.TotalBlockBytes)), (metrics.TotalBlocks, metrics.TotalBlockBytes));
        Assert.True(metrics.InspectedBytes > 0);
    }

    [Fact]
    public async Task Of_what_could_not_be_read_the_first_is_told()
    {
        using var store = new TestStore();
        var damaged = new List<TraceSources>();
        foreach (var trace in GoldenTraces.Spans.GroupBy(static span => span.TraceId).Take(2))
        {
            var block = await store.Block(trace);
            store.DamagePages(block[0]);
            damaged.Add(new TraceSources([], block));
        }

        var sound = new TraceSources(TestStore.Live(GoldenTraces.Spans.Take(1)), []);
        foreach (var nodes in new[] { [sound, .. damaged], [damaged[0], sound, damaged[1]], new[] { damaged[0], damaged[1], sound } })
        {
            var result = await new DividedQuery(nodes).RangeAsync(Request("{} | rate() by (name)"));
            Assert.True(result.IsPartial);
            Assert.Contains(damaged[0].Blocks[0].Meta.BlockId.ToString(), result.Message, StringComparison.Ordinal);
            Assert.Single(result.Series);
        }
    }

    [Fact]
    public async Task A_part_tells_that_compare_has_left_out_attributes()
    {
        var spans = Enumerable.Range(1, 4).Select(
            static i => GoldenTraces.Spans[0] with
            {
                TraceId = new TraceId(9, (ulong)i),
                Attributes = [.. Enumerable.Range(0, 30).Select(k => ($"k{i}_{k}", (object)"v"))]
            });
        var nodes = spans.Select(static span => new TraceSources(TestStore.Live([span]), [])).ToList();
        var limits = new MetricsLimits { MaxComparedAttributes = 40 };
        var request = Request("{} | compare({ name = \"x\" })");
        Assert.Contains("compare() met more than 20",
            (await new DividedQuery([new TraceSources([], []), nodes[0]], limits).RangeAsync(request)).Message, StringComparison.Ordinal);

        // Each node alone is within this limit, together they are not: no more are taken for that.
        var within = limits with { MaxComparedAttributes = 100 };
        Assert.Equal("", (await new DividedQuery([new TraceSources([], []), nodes[0]], within).RangeAsync(request)).Message);
        var result = await new DividedQuery(nodes, within).RangeAsync(request);
        Assert.Contains("compare() met more than 50", result.Message, StringComparison.Ordinal);
        Assert.InRange(
            result.Series.SelectMany(static series => series.Labels).Select(static label => label.Key).Distinct().Count(), 50, 101);
    }

    /// <summary>Nothing is final as long as others have not said what they counted.</summary>
    [Fact]
    public async Task Nobody_is_given_anything_before_the_parts_are_there()
    {
        var sources = new TraceSources([.. GoldenTraces.Spans.SelectMany(static span => TestStore.Live([span]))], []);
        var watcher = new Watcher();
        var request = Request("{} | count_over_time()") with { Watcher = watcher };
        await DividedQuery.AddAsync(request, sources, []);
        Assert.False(watcher.WasAsked);
        Assert.Empty(watcher.Given);
    }

    [Fact]
    public async Task Memory_is_charged_while_parts_are_added_and_given_back()
    {
        var spans = Enumerable.Range(1, 2000).Select(
            static i => GoldenTraces.Spans[0] with
            {
                TraceId = new TraceId(1, (ulong)i),
                Name = $"a name that is different for each span {i}"
            }).ToList();
        var sources = new TraceSources(TestStore.Live(spans), []);
        var request = Request("{} | count_over_time() by (name)");
        var part = await DividedQuery.CountAsync(request, sources);
        var memory = new QueryMemory(8 << 20);
        var limits = new MetricsLimits { Memory = memory };
        Assert.Equal(2000, (await DividedQuery.AddAsync(request, new TraceSources([], []), [part], limits)).Series.Count);
        Assert.Equal(0, memory.TakenBytes);

        var refused = await Assert.ThrowsAsync<QueryException>(
            () => DividedQuery.AddAsync(request, new TraceSources([], []), [part], limits with { MaxBytes = 300_000 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        refused =
            await Assert.ThrowsAsync<QueryException>(() => DividedQuery.CountAsync(request, sources, limits with { MaxBytes = 500_000 }));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Equal(0, memory.TakenBytes);
    }

    private static QueryRangeRequest Request(string query) =>
        new() { Query = query, StartUnixNano = BaseNano, EndUnixNano = BaseNano + 40 * SecondNano, StepNano = 10 * SecondNano };

    private static bool HasAny(IEnumerable<TraceSources> nodes, ulong firstNano, ulong lastNano) =>
        nodes.Any(node => node.Live.Count > 0 || node.Blocks.Any(
            block => block.Meta.Overlaps((long)(firstNano / SecondNano), (long)(lastNano / SecondNano))));

    private static void AssertSame(QueryRangeResult expected, QueryRangeResult found, bool withExemplars, string what)
    {
        var (one, divided) = (DividedQuery.Text(expected, withExemplars), DividedQuery.Text(found, withExemplars));
        Assert.True(one == divided && expected.Message == found.Message,
            $"{what}\none\n{one}{expected.Message}\ndivided\n{divided}{found.Message}");
    }

    private static List<TestSpan> ManyTraces(Random random)
    {
        var spans = new List<TestSpan>();
        for (var trace = 1; trace <= 250; trace++)
        {
            // Behind the beginning of an interval, which is open there.
            var start = BaseNano + (ulong)random.Next(60) * 5 * SecondNano + MillisecondNano;
            for (var span = random.Next(1, 5); span > 0; span--)
            {
                spans.Add(GoldenTraces.Spans[random.Next(GoldenTraces.Spans.Count)] with
                {
                    TraceId = new TraceId((ulong)trace * 0x9E3779B97F4A7C15UL, (ulong)trace),
                    Id = (ulong)spans.Count + 1,
                    ParentId = 0,
                    StartUnixNano = start + (ulong)span * 100 * MillisecondNano,
                    DurationNano = (ulong)random.Next(1, 1_000_000_000),
                    Status = random.Next(3),
                    Attributes = [("a", (long)random.Next(3)), ("b", random.Next(8) / 2.0)],
                });
            }
        }

        return spans;
    }

    private sealed class Watcher : IPartialSeries
    {
        public List<IReadOnlyList<TimeSeriesResult>> Given { get; } = [];

        public bool WasAsked { get; private set; }

        public bool IsWanted => WasAsked = true;

        public void Give(IReadOnlyList<TimeSeriesResult> series) => Given.Add(series);
    }
}
