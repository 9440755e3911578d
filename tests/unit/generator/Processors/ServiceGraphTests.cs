using Tempo.Engine.Generator;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.Spans;
using Tempo.Generator.Tests.Testing;

namespace Tempo.Generator.Tests.Processors;

/// <summary>Edges between services.</summary>
public sealed class ServiceGraphTests
{
    private const string Total = "traces_service_graph_request_total", Failed = "traces_service_graph_request_failed_total";

    private static readonly TestSpan[] Golden =
    [
        new() { Id = 1, Kind = 2, Seconds = 0.557, Resource = TestSpan.Service("frontend") },
        new() { Id = 2, Parent = 1, Kind = 3, Seconds = 0.3, Resource = TestSpan.Service("frontend") },
        new() { Id = 3, Parent = 2, Kind = 2, Seconds = 0.2, Status = 2, Resource = TestSpan.Service("backend") },
        new() { Id = 4, Parent = 3, Kind = 3, Seconds = 0.1, Resource = TestSpan.Service("backend"),
            Attributes = [("db.system", "postgres"), ("db.name", "orders")] },
    ];

    [Fact]
    public void The_golden_trace_gives_the_golden_edges_in_any_order_of_its_spans()
    {
        foreach (var order in Permutations(Golden))
        {
            var sheet = SeriesSheet.Of(Generators.New("service-graphs").Add(order));
            Assert.Equal(
                [Total + "{client=\"backend\",connection_type=\"database\",server=\"orders\"}",
                    Total + "{client=\"frontend\",server=\"backend\"}",
                    Total + "{client=\"user\",connection_type=\"virtual_node\",server=\"frontend\"}"],
                sheet.Series(Total));
            Assert.Equal([Failed + "{client=\"frontend\",server=\"backend\"}"], sheet.Series(Failed));
            AssertSums(sheet, "client=\"frontend\",server=\"backend\"", 0.3, 0.2);
            AssertSums(sheet, "client=\"backend\",connection_type=\"database\",server=\"orders\"", 0.1, 0.1);
            AssertSums(sheet, "client=\"user\",connection_type=\"virtual_node\",server=\"frontend\"", 0, 0.557);
            Assert.Equal(["0.1", "0.2", "0.4", "0.8", "1.6", "3.2", "6.4", "12.8", "+Inf"], Bounds(sheet));
        }
    }

    [Fact]
    public void One_side_waits_and_is_dropped_in_the_end()
    {
        var generator = Generators.New("service-graphs").Add(Golden[1]);
        Assert.Empty(SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 10_000).Values);
        Assert.Equal(0, generator.Counts().ExpiredEdges);
        Assert.Empty(SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 10_001).Values);
        Assert.Equal(1, generator.Counts().ExpiredEdges);
        Assert.Empty(SeriesSheet.Of(generator.Add(Golden[2]), SpanRequest.NowUnixMs + 20_000).Values);
    }

    [Fact]
    public void A_client_whose_peer_is_not_traced_ends_at_a_virtual_node()
    {
        var generator =
            Generators.New("service-graphs", s => s with { ServiceGraphs = new ServiceGraphSettings { EnableVirtualNodeLabel = true } })
                .Add(Golden[1] with { Attributes = [("peer.service", "mail")] },
                    Golden[0] with { Trace = 9, Attributes = [("peer.service", "phone")] });
        Assert.Equal(
            [
                Total + "{client=\"frontend\",connection_type=\"virtual_node\",server=\"mail\",virtual_node=\"server\"}",
                Total + "{client=\"phone\",connection_type=\"virtual_node\",server=\"frontend\",virtual_node=\"client\"}",
            ],
            SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 11_000).Series(Total));
    }

    // A side that is left out is no side that never came: its partner's edge goes with it, in either order.
    [Theory]
    [InlineData("backend", 0, 1)]
    [InlineData("backend", 1, 0)]
    [InlineData("frontend", 0, 1)]
    [InlineData("frontend", 1, 0)]
    public void A_filtered_side_takes_its_edge_with_it(string filtered, params int[] order)
    {
        var policy =
            new FilterPolicy(null, null, new FilterMatch(FilterMatchType.Strict, [new FilterAttribute("resource.service.name", filtered)]));
        TestSpan[] spans = [Golden[1] with { Attributes = [("peer.service", "backend")] }, Golden[2]];
        var generator =
            Generators.New("service-graphs", s => s with { ServiceGraphs = new ServiceGraphSettings { FilterPolicies = [policy] } });
        foreach (var i in order) generator.Add(spans[i]);
        Assert.Empty(SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 11_000).Values);
        Assert.Equal(
            (1, 1, 0), (generator.Counts().FilteredEdges, generator.Counts().ServiceGraphsFiltered, generator.Counts().ExpiredEdges));

        // Both left out: there was no edge to drop.
        Assert.Equal(1, generator.Add(spans[filtered == "backend" ? 1 : 0] with { Trace = 5 }).Counts().FilteredEdges);
        Assert.Empty(SeriesSheet.Of(generator, SpanRequest.NowUnixMs + 22_000).Values);
        Assert.Equal(0, generator.Counts().ExpiredEdges);
    }

    [Fact]
    public void An_edge_is_counted_when_it_begins()
    {
        var generator = Generators.New("service-graphs");
        Assert.Equal(1, generator.Add(Golden[1]).Counts().Edges);
        Assert.Equal(3, generator.Add(Golden[0], Golden[2], Golden[3]).Counts().Edges);
        Assert.Equal(3, SeriesSheet.Of(generator).Sum(Total));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void A_database_may_stand_in_the_resource_and_be_asked_by_a_producer(int kind)
    {
        TestSpan span = new()
        {
            Id = 1,
            Parent = 9,
            Kind = kind,
            Resource = TestSpan.Service("a", ("db.name", "of resource")),
            Attributes = [("db.name", "of span")]
        };
        Assert.Equal([Total + "{client=\"a\",connection_type=\"database\",server=\"of resource\"}"],
            SeriesSheet.Of(Generators.New("service-graphs").Add(span)).Series(Total));
        var own = Generators.New(
            "service-graphs", s => s with { ServiceGraphs = new ServiceGraphSettings { DatabaseNameAttributes = ["shard"] } });
        own.Add(span, new TestSpan { Id = 2, Parent = 9, Kind = kind, Resource = TestSpan.Service("a"), Attributes = [("shard", "s1")] });
        Assert.Equal([Total + "{client=\"a\",connection_type=\"database\",server=\"s1\"}"], SeriesSheet.Of(own).Series(Total));
    }

    [Theory]
    [InlineData("orders", "db.namespace=ns db.name=n db.system=s peer.service=orders")]
    [InlineData("host", "db.name=n server.address=host network.peer.address=1.2.3.4")]
    [InlineData("1.2.3.4:5432", "db.system.name=s network.peer.address=1.2.3.4 network.peer.port=5432")]
    [InlineData("1.2.3.4", "db.system=s network.peer.address=1.2.3.4")]
    [InlineData("ns", "db.system=s db.name=n db.namespace=ns")]
    [InlineData("s", "db.system.name=s")]
    public void A_database_is_called_what_its_client_knows(string name, string attributes)
    {
        (string, object)[] pairs = [.. attributes.Split(' ').Select(pair => pair.Split('=')).Select(pair => (pair[0], (object)pair[1]))];
        Assert.Equal([$"{Total}{{client=\"frontend\",connection_type=\"database\",server=\"{name}\"}}"],
            SeriesSheet.Of(Generators.New("service-graphs").Add(Golden[1] with { Attributes = pairs })).Series(Total));
    }

    [Fact]
    public void Messages_have_their_own_type_and_the_time_on_the_way()
    {
        var generator = Generators.New(
            "service-graphs", s => s with { ServiceGraphs = new ServiceGraphSettings { EnableMessagingSystemLatencyHistogram = true } })
            .Add(Golden[1] with { Kind = 4, AgeSeconds = 5 }, Golden[2] with { Kind = 5, AgeSeconds = 1 });
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal([Total + "{client=\"frontend\",connection_type=\"messaging_system\",server=\"backend\"}"], sheet.Series(Total));
        Assert.Equal(3.8, sheet.Sum("traces_service_graph_request_messaging_system_seconds_sum"), 6);

        // Taken up before it was sent off: of clocks that differ no time on the way can be told.
        generator.Add(Golden[1] with { Kind = 4, Trace = 2 }, Golden[2] with { Kind = 5, Trace = 2, AgeSeconds = 5 });
        sheet = SeriesSheet.Of(generator);
        Assert.Equal((2, 1), (sheet.Sum(Total), sheet.Sum("traces_service_graph_request_messaging_system_seconds_count")));
    }

    [Theory]
    [InlineData(false, "client=\"frontend\",region=\"us\",server=\"backend\"")]
    [InlineData(true, "client=\"frontend\",client_region=\"eu\",server=\"backend\",server_region=\"us\"")]
    public void Dimensions_of_both_sides(bool prefix, string labels)
    {
        foreach (var swap in new[] { false, true })
        {
            TestSpan[] spans = [Golden[1] with { Resource = TestSpan.Service("frontend", ("region", "eu")) },
                Golden[2] with { Attributes = [("region", "us")] }];
            if (swap) Array.Reverse(spans);
            var generator = Generators.New("service-graphs",
                s => s with { ServiceGraphs = new ServiceGraphSettings { Dimensions = ["region"], EnableClientServerPrefix = prefix } });
            Assert.Equal([$"{Total}{{{labels}}}"], SeriesSheet.Of(generator.Add(spans)).Series(Total));
        }
    }

    [Fact]
    public void Beyond_max_items_spans_are_dropped_and_counted()
    {
        var generator = Generators.New("service-graphs", s => s with { ServiceGraphs = new ServiceGraphSettings { MaxItems = 2 } });
        generator.Add(Enumerable.Range(1, 5).Select(i => Golden[1] with { Id = (ulong)i + 10 }));
        Assert.Equal(3, generator.Counts().DroppedSpans);
        generator.Add(Golden[2] with { Parent = 11 });
        Assert.Equal(1, SeriesSheet.Of(generator).Sum(Total));
    }

    [Fact]
    public void What_waits_is_found_like_in_a_dictionary()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var sides = new WaitingSides(300);
        var oracle = new Dictionary<(ulong, ulong), long>();
        var order = new List<(ulong, ulong)>();
        for (var step = 0; step < 50_000; step++)
        {
            var key = ((ulong)random.Next(40), (ulong)random.Next(40));
            var slot = sides.Find(new Tempo.Engine.Foundation.TraceId(0, key.Item1), key.Item2);
            Assert.True(slot >= 0 == oracle.ContainsKey(key), $"seed {seed}, step {step}");
            if (slot >= 0)
            {
                Assert.Equal([(byte)oracle[key]], sides.Labels(slot));
                if (random.Next(2) == 0) continue;
                sides.Remove(slot);
                oracle.Remove(key);
                order.Remove(key);
            }
            else if (sides.TryAdd(new WaitingSide { TraceId = new(0, key.Item1), SpanId = key.Item2, SinceUnixMs = step }, [(byte)step]))
            {
                oracle.Add(key, step);
                order.Add(key);
            }
            else
            {
                Assert.Equal(300, oracle.Count);
                var oldest = sides.OldestBefore(long.MaxValue);
                Assert.Equal(order[0], (sides[oldest].TraceId.Low, sides[oldest].SpanId));
                sides.Remove(oldest);
                oracle.Remove(order[0]);
                order.RemoveAt(0);
            }
        }
    }

    private static void AssertSums(SeriesSheet sheet, string labels, double client, double server)
    {
        Assert.Equal(client, sheet.Values[$"traces_service_graph_request_client_seconds_sum{{{labels}}}"], 9);
        Assert.Equal(server, sheet.Values[$"traces_service_graph_request_server_seconds_sum{{{labels}}}"], 9);
    }

    private static IEnumerable<string> Bounds(SeriesSheet sheet) => sheet.Series("traces_service_graph_request_server_seconds_bucket")
        .Where(series => series.Contains("\"frontend\",le", StringComparison.Ordinal))
        .Select(series => series.Split("le=\"")[1].Split('"')[0])
        .OrderBy(bound => bound == "+Inf" ? double.MaxValue : double.Parse(bound, System.Globalization.CultureInfo.InvariantCulture));

    private static IEnumerable<T[]> Permutations<T>(T[] items) => items.Length <= 1
        ? [items]
        : items.SelectMany((item, i) => Permutations<T>([.. items[..i], .. items[(i + 1)..]]).Select<T[], T[]>(rest => [item, .. rest]));
}
