using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Otlp;
using Tempo.Generator.Tests.Testing;

namespace Tempo.Generator.Tests.Registry;

/// <summary>Limits, life and death of series.</summary>
public sealed class SeriesTableTests
{
    private const string Capped = "__cardinality_overflow__";
    private const string Calls = "traces_spanmetrics_calls_total", Overflow = Calls + "{metric_overflow=\"true\"}";

    /// <summary>The same as with ten million and a cap of a hundred thousand, which take a minute.</summary>
    [Theory]
    [InlineData(200_000, 1_000)]
    public void Beyond_the_limit_memory_is_bounded_and_the_sum_exact(int offered, int limit)
    {
        var generator = Generators.New("span-metrics-count", s => s with { MaxActiveSeries = limit }, duplicateFilterBytes: 1 << 16);
        const int perRequest = 1000;
        for (var first = 1; first <= offered; first += perRequest)
        {
            var request = SpanRequest.Of(Enumerable.Range(first, perRequest).Select(i => new TestSpan { Id = (ulong)i, Name = $"op {i}" }));
            generator.Add(request, SpanRequest.NowUnixMs);
        }

        var counts = generator.Counts();
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal(limit + 1, sheet.Values.Count);
        Assert.Equal(offered, sheet.Sum(Calls));
        Assert.Equal(offered - limit, sheet.Values[Overflow]);
        Assert.Equal(offered - limit, counts.SeriesLimited);
        Assert.InRange(counts.DemandEstimate, offered * 0.85, offered * 1.15);
        Assert.InRange(counts.EntityDemandEstimate, offered * 0.85, offered * 1.15);

        // What is not asked for any more is forgotten, while what is there stays.
        for (var minute = 1; minute <= 40; minute++)
        {
            generator.Add(SpanRequest.At(SpanRequest.NowUnixMs + minute * 60_000,
                Enumerable.Range(1, limit).Select(i => new TestSpan { Id = (ulong)(minute * 1_000_000 + i), Name = $"op {i}" })),
                    SpanRequest.NowUnixMs + minute * 60_000);
            _ = SeriesSheet.Of(generator, SpanRequest.NowUnixMs + minute * 60_000);
        }

        Assert.Equal((limit, limit), (generator.Counts().ActiveSeries, generator.Counts().DemandEstimate));
    }

    [Fact]
    public void The_limit_is_for_all_series_of_the_tenant_together()
    {
        // Two entities of 19 and 24 + 2 series: there is room for two of the first, and then for none of the second.
        var generator = Generators.New("span-metrics service-graphs", s => s with { MaxActiveSeries = 40 });
        generator.Add(new TestSpan { Id = 1, Kind = 2 }, new TestSpan { Id = 2, Kind = 2, Name = "b" },
            new TestSpan { Id = 3, Kind = 2, Name = "c" });
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal(3, sheet.Series(Calls).Count());
        Assert.Equal(["traces_service_graph_request_total{metric_overflow=\"true\"}"], sheet.Series("traces_service_graph_request_total"));
        Assert.Equal(3, sheet.Sum("traces_service_graph_request_total"));
    }

    [Fact]
    public void Entities_have_a_limit_of_their_own()
    {
        TestSpan[] spans = [.. Enumerable.Range(1, 5).Select(i => new TestSpan { Id = (ulong)i, Name = $"{i}" })];
        Assert.Equal(3, SeriesSheet.Of(
            Generators.New("span-metrics-count", s => s with { LimitsEntities = true, MaxActiveEntities = 2, MaxActiveSeries = 1 })
                .Add(spans)).Values[Overflow]);

        // limiter_type says which of the two holds.
        Assert.Equal(
            5, SeriesSheet.Of(Generators.New("span-metrics-count", s => s with { MaxActiveEntities = 2 }).Add(spans)).Values.Count);
    }

    [Fact]
    public void A_label_with_too_many_values_is_folded_exactly()
    {
        var generator = Generators.New("span-metrics-count", s => s with
        {
            MaxCardinalityPerLabel = 3,
            SpanMetrics = new SpanMetricsSettings
            {
                IntrinsicDimensions = new IntrinsicDimensions { Service = false, SpanKind = false, StatusCode = false }
            },
        });
        for (var round = 0; round < 2; round++)
            generator.Add(Enumerable.Range(1, 10).Select(i => new TestSpan { Id = (ulong)(i + round * 100), Name = $"{i}" }));
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal(4, sheet.Values.Count);
        Assert.Equal(14, sheet.Values[Calls + "{span_name=\"__cardinality_overflow__\"}"]);
        Assert.Equal(20, sheet.Sum(Calls));
        var label = Assert.Single(generator.LabelDemands());
        Assert.Equal(("span_name", 14), (label.Name, label.LimitedCount));
        Assert.InRange(label.DistinctEstimate, 9, 11);
    }

    [Fact]
    public void A_series_begins_once_and_ends_once_and_makes_room()
    {
        var generator = Generators.New("span-metrics-count", s => s with { StaleDuration = TimeSpan.FromMinutes(1), MaxActiveSeries = 1 });
        generator.Add(new TestSpan { Id = 1, Name = "a" });
        Assert.Single(SeriesSheet.Of(generator).Begun);
        Assert.Empty(SeriesSheet.Of(generator).Begun);

        var end = SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 60_001);
        Assert.Single(end.Ended);
        Assert.Empty(SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 60_002).Values);
        Assert.Equal((0, 1), (generator.Counts().ActiveSeries, generator.Counts().SeriesRemoved));

        generator.Add(new TestSpan { Id = 2, Name = "b" });
        Assert.Equal(Calls + "{service=\"shop\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"b\",status_code=\"STATUS_CODE_UNSET\"}",
            Assert.Single(SeriesSheet.Of(generator).Begun));
    }

    // A removal that looked at the whole table made a collection of a hundred thousand that end quadratic.
    [Fact]
    public void What_is_removed_is_taken_out_and_the_rest_stays_where_it_is()
    {
        var budget = new SeriesBudget(0, 0);
        var table = new SeriesTable(
            new SeriesSchema(["a"], [MetricColumn.Counter("x_total", "x")]), budget, new SeriesOptions { MaxCardinalityPerLabel = 6000 });
        var labels = new LabelTuple();
        bool Touch(int i, long now)
        {
            labels.Clear();
            labels.Add(System.Text.Encoding.UTF8.GetBytes($"value {i}"));
            Assert.Equal(Resolved.Found, table.TryResolve(labels, now, out var row));
            table.Add(row, 0, 1);
            return true;
        }

        for (var i = 0; i < 5000; i++) Touch(i, i % 5 == 0 ? 2 : 1);
        var rehashed = table.RehashCount;
        for (var first = 0; table.Collect(first, 64, staleBeforeUnixMs: 2, new SeriesSheet());) first += 64;
        Assert.Equal((1000, 1000, rehashed), (table.EntityCount, budget.ActiveSeries, table.RehashCount));

        // Each is found again, and there is room below the cap for as many as have gone.
        for (var i = 0; i < 5000; i += 5) Touch(i, 3);
        Assert.Equal(1000, table.EntityCount);
        for (var i = 10_000; i < 15_000; i++) Touch(i, 3);
        Assert.Equal((6000, 0), (table.EntityCount, table.LimitedLabelValues));
        Touch(20_000, 3);
        Assert.Equal(1, table.LimitedLabelValues);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(400)]
    public void Coming_and_going_leaves_exact_counts(int cap)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var generator = Generators.New("span-metrics-count",
            s => s with { StaleDuration = TimeSpan.FromSeconds(10), IngestionSlack = TimeSpan.FromDays(1), MaxCardinalityPerLabel = cap });
        var oracle = new Dictionary<string, (double Count, long Updated)>();
        var now = SpanRequest.NowUnixMs;
        ulong id = 1;
        for (var round = 0; round < 200; round++)
        {
            now += random.Next(4000);
            var names = Enumerable.Range(0, random.Next(300)).Select(_ => $"operation number {random.Next(1500)}").ToArray();
            generator.Add(SpanRequest.Of(names.Select(name => new TestSpan { Id = id++, Name = name })), now);
            foreach (var name in names.Select(
                name => cap == 0 || oracle.ContainsKey(name) || oracle.Keys.Count(static n => n != Capped) < cap ? name : Capped))
                oracle[name] = (oracle.GetValueOrDefault(name).Count + 1, now);
            now += random.Next(4000);
            var sheet = SeriesSheet.Of(generator, now);
            Assert.Equal(oracle.Values.Sum(static s => s.Count), sheet.Sum(Calls));
            Assert.True(oracle.Count == sheet.Values.Count, $"seed {seed}, round {round}");
            foreach (var (name, _) in oracle.Where(s => s.Value.Updated < now - 10_000).ToArray()) oracle.Remove(name);
        }
    }

    [Fact]
    public void A_value_is_cut_to_its_limit_on_a_boundary()
    {
        var generator = Generators.New("span-metrics-count", s => s with { MaxLabelValueBytes = 5 });
        generator.Add(new TestSpan { Id = 1, Name = "abcdü" });
        Assert.Contains("span_name=\"abcd\"", Assert.Single(SeriesSheet.Of(generator).Values).Key, StringComparison.Ordinal);
    }

    [Fact]
    public void A_span_whose_series_are_there_allocates_nothing()
    {
        var generator = Generators.New("span-metrics service-graphs",
            s => s with { SpanMetrics = new SpanMetricsSettings { Dimensions = ["http.method", "code"] } }, duplicateFilterBytes: 1 << 16);
        byte[] Batch(int first) => SpanRequest.Of(Enumerable.Range(first, 100).Select(i => new TestSpan
        {
            Id = (ulong)i,
            Parent = i % 2 == 0 ? 0 : (ulong)i - 1,
            Kind = i % 2 == 0 ? 3 : 2,
            Name = $"op {i % 10}",
            Attributes = [("http.method", "GET"), ("code", 200L), ("other", "x")],
        }));
        byte[][] requests = [.. Enumerable.Range(0, 60).Select(i => Batch(2 + i * 100))];
        foreach (var request in requests[..40]) generator.Add(request, SpanRequest.NowUnixMs);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 40; i < requests.Length; i++) generator.Add(requests[i], SpanRequest.NowUnixMs);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(0, generator.Counts().Duplicates);
    }

    [Fact]
    public void A_request_that_ends_early_does_no_harm()
    {
        var request = SpanRequest.Of(new TestSpan { Id = 1 }, new TestSpan { Id = 2 });
        for (var length = 0; length <= request.Length; length++)
            Generators.New("span-metrics service-graphs host-info").Add(request.AsSpan(0, length), SpanRequest.NowUnixMs);
        var summary = default(OtlpRequestSummary);
        Assert.True(OtlpTraceReader.TryRead(request, ref summary, out _));
    }
}
