using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Query.Graph;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// The graph that is computed from stored traces against the metrics generator, which sees the same spans one by one: two
/// programs for the same rules.
/// </summary>
public sealed class ServiceGraphTests
{
    private const ulong Start = 1_700_000_000_000_000_000, MinuteNano = 60_000_000_000;

    [Theory]
    [InlineData(Layout.Live)]
    [InlineData(Layout.Block)]
    [InlineData(Layout.Split)]
    [InlineData(Layout.Copied)]
    public async Task It_agrees_with_the_metrics_generator_wherever_the_spans_lie(Layout layout)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 8; round++)
        {
            var spans = Enumerable.Range(1, 30).SelectMany(trace => Trace(random, (ulong)trace)).ToList();
            using var store = new TestStore();
            var result = await ServiceGraphQuery.RunAsync(
                new ServiceGraphRequest(Start, Start + MinuteNano), await store.Sources(layout, spans), default);
            Assert.Equal("", result.Message);
            var edges = result.Edges.SelectMany(
                static e => Lines($"{e.Client}>{e.Server} {e.ConnectionType}", e.Requests.Count, e.Requests.FailedCount));
            Assert.True(Generated(spans).SequenceEqual(edges.Order(StringComparer.Ordinal)),
                $"seed {seed}, round {round}, {layout}\n{string.Join('\n', Generated(spans))}\n--\n{string.Join('\n', edges.Order(StringComparer.Ordinal))}");
            var operations = spans.GroupBy(static s => (Service(s), s.Name, s.Kind))
                .Select(static g => $"{g.Key} {g.Count()} {g.Count(static s => s.Status == 2)}");
            Assert.Equal(operations.Order(StringComparer.Ordinal),
                result.Operations.Select(static o => $"{(o.Service, o.SpanName, o.Kind)} {o.Requests.Count} {o.Requests.FailedCount}")
                    .Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Only_the_range_is_counted_and_a_limit_is_told()
    {
        var spans = Enumerable.Range(1, 20).Select(i => new TestSpan
        {
            TraceId = new TraceId(0, (ulong)i),
            Id = 1,
            Kind = 2,
            Name = $"op {i}",
            StartUnixNano = Start + (ulong)i * 1_000_000_000,
            DurationNano = (ulong)i * 1_000_000,
            Resource = new TestResource(new Attributes { { "service.name", $"s{i}" } }),
        }).ToList();
        using var store = new TestStore();
        var sources = await store.Sources(Layout.Block, spans);
        var some =
            await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Start + 5_000_000_000, Start + 8_000_000_000), sources, default);
        Assert.Equal(["s5", "s6", "s7"], some.Edges.Select(static e => e.Server));
        Assert.All(some.Operations, static o => Assert.Equal(o.Requests.Seconds, o.Requests.P50, o.Requests.Seconds * 0.05));
        var few = await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Start, Start + MinuteNano) { MaxRows = 4 }, sources, default);
        Assert.Equal((4, 4), (few.Edges.Count, few.Operations.Count));
        Assert.Contains("only the first 4", few.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_duration_that_no_signed_number_holds_is_long()
    {
        var span = new TestSpan
        {
            TraceId = new TraceId(0, 1),
            Id = 1,
            Kind = 2,
            Name = "op",
            StartUnixNano = Start,
            DurationNano = ulong.MaxValue - Start,
            Resource = new TestResource(new Attributes { { "service.name", "s" } })
        };
        using var store = new TestStore();
        var result = await ServiceGraphQuery.RunAsync(
            new ServiceGraphRequest(Start, Start + MinuteNano), await store.Sources(Layout.Block, [span]), default);
        Assert.Equal((ulong.MaxValue - Start) / 1e9, Assert.Single(result.Operations).Requests.Seconds, 1.0);
    }

    private static IEnumerable<TestSpan> Trace(Random random, ulong trace)
    {
        var spans = new List<TestSpan>();
        var called = new HashSet<ulong>();
        for (ulong id = 1; id <= (ulong)random.Next(1, 25); id++)
        {
            var kind = random.Next(1, 6);
            var parent = spans.Count == 0 || random.Next(10) == 0 ? 0 : random.Next(15) == 0 ? 999 : spans[random.Next(spans.Count)].Id;
            // Of several servers under one client the two may choose differently.
            if (kind is 2 or 5 && parent != 0 && !called.Add(parent)) kind = 1;
            Attributes attributes = [];
            foreach (var (key, chance) in new[] { ("db.system", 8), ("db.name", 8), ("peer.service", 5), ("server.address", 5),
                ("network.peer.address", 5), ("network.peer.port", 5) })
                if (random.Next(chance) == 0)
                    attributes.Add(key, key == "network.peer.port" && random.Next(2) == 0 ? 80L : $"{key[..2]}{random.Next(2)}");
            spans.Add(new TestSpan
            {
                TraceId = new TraceId(trace, trace),
                Id = id,
                ParentId = parent,
                Kind = kind,
                Name = $"op {random.Next(3)}",
                Status = random.Next(3),
                StartUnixNano = Start + (ulong)random.Next(1_000_000_000),
                DurationNano = (ulong)random.Next(1_000_000_000),
                Attributes = attributes,
                Resource = new TestResource(Resource(random)),
            });
        }

        return spans;
    }

    private static Attributes Resource(Random random)
    {
        if (random.Next(8) == 0) return [];
        Attributes attributes = new() { { "service.name", $"s{random.Next(4)}" } };
        foreach (var key in new[] { "db.name", "peer.service", "network.peer.port" })
            if (random.Next(15) == 0) attributes.Add(key, $"r{key[..2]}{random.Next(2)}");
        return attributes;
    }

    private static IEnumerable<string> Generated(List<TestSpan> spans)
    {
        Assert.True(ProcessorSet.TryParse(["service-graphs-request"], out var processors, out _));
        var generator = new TenantGenerator(TenantId.Single, new GeneratorSettings { Processors = processors });
        const long now = (long)(Start / 1_000_000);
        generator.Add(OtlpRequest.Of(spans), now);
        var edges = new EdgeVisitor();
        generator.Collect(now + 60_000, endAll: false, edges, static () => { });
        return edges.Counts.SelectMany(static e => Lines(e.Key, (long)e.Value.Total, (long)e.Value.Failed)).Order(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Lines(string edge, long count, long failed) => [$"{edge} {count} requests, {failed} failed"];

    private static string Service(TestSpan span) => span.Resource.Attributes.Count == 0 ? "" : (string)span.Resource.Attributes[0].Value;

    private sealed class EdgeVisitor : ISeriesVisitor
    {
        private string _edge = "";

        public Dictionary<string, (double Total, double Failed)> Counts { get; } = [];

        public void Begin(in EntityLabels labels)
        {
            var values = new Dictionary<string, string>();
            foreach (var label in labels) values.Add(Encoding.UTF8.GetString(label.Name), Encoding.UTF8.GetString(label.Value));
            _edge = $"{values["client"]}>{values["server"]} {values.GetValueOrDefault("connection_type", "")}";
        }

        public void Number(MetricColumn column, double value, SeriesMoment moment)
        {
            var (total, failed) = Counts.GetValueOrDefault(_edge);
            Counts[_edge] = column.Name.Contains("failed", StringComparison.Ordinal) ? (total, failed + value) : (total + value, failed);
        }

        public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
        {
        }
    }
}
