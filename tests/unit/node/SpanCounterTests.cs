using System.Buffers;
using System.Text;
using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.SpanCounts;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Node.Tests;

/// <summary>The counters of what comes in, by name and service, as they stand at /metrics.</summary>
public sealed class SpanCounterTests
{
    private const string Family = "tempo_distributor_debug_spans_received_total";
    private readonly MetricRegistry _metrics = new();
    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private readonly SpanCounter _counter;

    public SpanCounterTests() => _counter = new SpanCounter(new SpanCountOptions { IsEnabled = true }, _metrics, _time);

    [Fact]
    public void Each_name_of_each_service_of_each_tenant_is_counted_whatever_becomes_of_it()
    {
        Observe("a", Request("shop", "GET", "GET", "PUT"));
        Observe("a", Request("cart", "GET"));
        Observe("b", Request("shop", "GET"), new IngestOutcome(IngestStatus.RateLimited, 0, 1, ""));
        Observe("a", Request("shop", "PUT"), new IngestOutcome(IngestStatus.Accepted, 0, 1, ""));
        string[] expected =
        [
            Line("a", "GET", "cart", 1),
            Line("a", "GET", "shop", 2),
            Line("a", "PUT", "shop", 2),
            Line("b", "GET", "shop", 1),
        ];
        Assert.Equal(expected, Lines());
        Assert.Contains($"# TYPE {Family} counter\n", Page(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_has_the_service_of_each_of_its_resources()
    {
        var request = Request("shop", "1");
        request.ResourceSpans.Add(Request("cart", "2", "3").ResourceSpans);
        request.ResourceSpans.Add(new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { Span("4") } } } });
        request.ResourceSpans.Add(Request("", "5").ResourceSpans);
        request.ResourceSpans[3].Resource.Attributes[0].Value = new AnyValue { IntValue = 7 };
        request.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes.Add(ServiceName("of the span"));
        Observe("a", request);
        string[] expected =
        [
            Line("a", "4", "", 1),
            Line("a", "5", "", 1),
            Line("a", "2", "cart", 1),
            Line("a", "3", "cart", 1),
            Line("a", "1", "shop", 1),
        ];
        Assert.Equal(expected, Lines());
    }

    [Fact]
    public void Roots_alone_are_spans_without_a_parent_and_zeros_are_none()
    {
        var metrics = new MetricRegistry();
        var request = Request("shop", "root", "child", "zeros");
        request.ResourceSpans[0].ScopeSpans[0].Spans[1].ParentSpanId = ByteString.CopyFrom(1, 2, 3, 4, 5, 6, 7, 8);
        request.ResourceSpans[0].ScopeSpans[0].Spans[2].ParentSpanId = ByteString.CopyFrom(new byte[8]);
        Observe("a", request, counter: new SpanCounter(new SpanCountOptions { IsEnabled = true, OnlyRoots = true }, metrics, _time));
        Assert.Equal([Line("a", "root", "shop", 1), Line("a", "zeros", "shop", 1)], Lines(metrics));
    }

    [Fact]
    public void Names_stay_within_their_line_and_their_quotes()
    {
        Observe("a", Request("s\"} 1\n", "\"", "\\", "\n", "\r\0", "ß€😀"));
        string[] names = ["\\n", "\r\0", "\\\"", "\\\\", "ß€😀"];
        var expected = names.Select(static name => Line("a", name, "s\\\"} 1\\n", 1));
        Assert.Equal(expected.Order(StringComparer.Ordinal), Lines().Order(StringComparer.Ordinal));
    }

    // The library that writes requests here takes only UTF-8: the bytes are changed behind its back.
    [Fact]
    public void What_is_not_UTF8_is_replaced_and_counts_as_what_it_has_become()
    {
        foreach (var bad in new byte[] { 0xFF, 0xFE })
        {
            var bytes = Request("shop", "aXb").ToByteArray();
            bytes[bytes.AsSpan().IndexOf("aXb"u8) + 1] = bad;
            Observe("a", bytes, Accepted(1));
        }

        Assert.Equal([Line("a", "a\uFFFDb", "shop", 2)], Lines());
    }

    [Theory]
    [InlineData("", 256)]
    [InlineData("x", 255)] // the last of its characters of two bytes would end at 257
    public void Longer_names_are_cut_between_characters_and_count_as_one(string begin, int bytes)
    {
        var name = begin + new string('é', 5000);
        Observe("a", Request(name, name, name + "1"));
        var line = Assert.Single(Lines());
        var cut = name[..(begin.Length + (bytes - begin.Length) / 2)];
        Assert.Equal(bytes, Encoding.UTF8.GetByteCount(cut));
        Assert.Equal(Line("a", cut, cut, 2), line);
    }

    [Fact]
    public void Beyond_the_limit_all_count_as_one_and_no_span_is_missing()
    {
        for (var i = 0; i < SpanCounter.MaxSeries / 2; i++) Observe("a", Request("shop", $"GET /{i}"));
        for (var i = 0; i < SpanCounter.MaxSeries; i++) Observe($"t{i}", Request("shop", "GET"));
        Observe("a", Request("shop", "GET /7", "GET /new"));
        Assert.Equal(SpanCounter.MaxSeries + 1, Lines().Length);
        Assert.Contains(Line("a", "GET /7", "shop", 2), Lines());
        Assert.Contains(Line(SpanCounter.Overflow, SpanCounter.Overflow, SpanCounter.Overflow, SpanCounter.MaxSeries / 2 + 1), Lines());
    }

    [Fact]
    public void Series_that_are_silent_for_an_hour_make_way_once_there_is_no_room()
    {
        for (var i = 0; i < SpanCounter.MaxSeries; i++) Observe("a", Request("shop", $"GET /{i}"));
        _time.Advance(TimeSpan.FromMinutes(59));
        Observe("a", Request("shop", "GET /7"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(SpanCounter.MaxSeries, Lines().Length); // without need nothing is forgotten
        Observe("b", Request("shop", "new"));
        Assert.Equal([Line("a", "GET /7", "shop", 2), Line("b", "new", "shop", 1)], Lines());
    }

    [Fact]
    public void What_cannot_be_read_counts_nothing()
    {
        Observe("a", [0xFF, 0xFF], new IngestOutcome(IngestStatus.Invalid, 0, 0, "undecodable"));
        Assert.Empty(Lines());
    }

    private static IngestOutcome Accepted(int spans) => new(IngestStatus.Accepted, spans, 0, "");

    private void Observe(string tenant, TracesData request, IngestOutcome? outcome = null, SpanCounter? counter = null)
    {
        var spans = request.ResourceSpans.Sum(static r => r.ScopeSpans.Sum(static s => s.Spans.Count));
        Observe(tenant, request.ToByteArray(), outcome ?? Accepted(spans), counter);
    }

    private void Observe(string tenant, byte[] request, in IngestOutcome outcome, SpanCounter? counter = null)
    {
        Assert.True(TenantId.TryParse(tenant, out var id, out _));
        (counter ?? _counter).Observe(id, request, outcome);
    }

    private static string Line(string tenant, string name, string service, long count) =>
        $"{Family}{{tenant=\"{tenant}\",name=\"{name}\",service=\"{service}\"}} {count}";

    private string[] Lines(MetricRegistry? metrics = null) =>
        [.. Page(metrics).Split('\n').Where(static line => line.StartsWith(Family, StringComparison.Ordinal))];

    private string Page(MetricRegistry? metrics = null)
    {
        var page = new ArrayBufferWriter<byte>();
        (metrics ?? _metrics).WriteTo(page);
        return Encoding.UTF8.GetString(page.WrittenSpan);
    }

    private static KeyValue ServiceName(string service) => new() { Key = "service.name", Value = new AnyValue { StringValue = service } };

    private static Span Span(string name) => new() { Name = name };

    private static TracesData Request(string service, params string[] names) => new()
    {
        ResourceSpans =
        {
            new ResourceSpans
            {
                Resource = new Resource { Attributes = { ServiceName(service) } },
                ScopeSpans = { new ScopeSpans { Spans = { names.Select(Span) } } },
            },
        },
    };
}
