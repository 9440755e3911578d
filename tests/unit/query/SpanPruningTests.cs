using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Similar spans become one; what is left is told by "name×count", below each other by parentheses.</summary>
public sealed class SpanPruningTests
{
    private static readonly TraceId Id = new(1, 2);

    // "root(a a b(c c))": names, children in parentheses; a name may end in ! for an error or have =value of the attribute db.op.
    [Theory]
    [InlineData("root(a a a a a)", "", 5, 1, "root(a×5)")]
    [InlineData("root(a a a a)", "", 5, 1, "root(a a a a)")]
    [InlineData("root(a a! a a! a)", "", 2, 1, "root(a×3 a!×2)")]
    [InlineData("root(a=1 a=2 a=1 a=2 a=1)", "", 2, 1, "root(a=1×5)")]
    [InlineData("root(a=1 a=2 a=1 a=2 a=1)", "db.op", 2, 1, "root(a=1×3 a=2×2)")]
    [InlineData("root(a=1 a=2 a=1 a=2 a=1)", "x.*,db.*", 2, 1, "root(a=1×3 a=2×2)")]
    [InlineData("root(h(a) h(a) h(a))", "", 3, 1, "root(h×3(a×3))")]
    [InlineData("root(h(a) h(a) h(a))", "", 4, 1, "root(h(a) h(a) h(a))")]
    [InlineData("root(h(a) h(a) h(a))", "", 3, 0, "root(h(a) h(a) h(a))")]
    [InlineData("root(h(a a) h(a a) h(b) h!(a a))", "", 2, 1, "root(h×2(a×4) h(b) h!(a×2))")]
    [InlineData("root(h(a b) h(a) h(b a))", "", 2, 1, "root(h×2(a×2 b×2) h(a))")]
    [InlineData("root(g(h(a)) g(h(a)))", "", 2, 1, "root(g(h(a)) g(h(a)))")]
    [InlineData("root(g(h(a)) g(h(a)))", "", 2, 2, "root(g×2(h×2(a×2)))")]
    [InlineData("root(g(h(a)) g(h(a)))", "", 2, -1, "root(g×2(h×2(a×2)))")]
    [InlineData("root(w(a) v(a))", "", 2, 1, "root(w(a) v(a))")]
    [InlineData("a a a", "", 2, 1, "a a a")]
    public async Task Siblings_that_are_alike_become_one(string tree, string groupBy, int minSpans, int maxParentDepth, string expected)
    {
        using var store = new TestStore();
        var spans = Parse(tree);
        foreach (var sources in new[] { new TraceSources(TestStore.Live(spans), []), new TraceSources([], await store.Block(spans)),
            new TraceSources(
                TestStore.Live(spans.Where(static s => s.Id % 2 == 0)), await store.Block(spans.Where(static s => s.Id % 2 == 1))) })
        {
            var trace = await TraceFinder.FindAsync(sources, Id, 0, 0, default);
            var pruned = trace.Prune(new SpanPruning(groupBy.Split(',', StringSplitOptions.RemoveEmptyEntries), minSpans, maxParentDepth));
            var left = Read(trace);
            Assert.Equal(expected, Text(left, ""));
            Assert.Equal((spans.Count, left.Count), (pruned + trace.SpanCount, trace.SpanCount));
        }
    }

    [Fact]
    public async Task A_summary_says_what_it_stands_for()
    {
        var root = Span(1, 0, "root", 0);
        TestSpan[] spans = [root, .. new ulong[] { 5, 15, 25, 75, 150 }.Select(
            (ms, i) => Span((ulong)i + 2, 1, "q", (ulong)i) with { DurationNano = ms * 1_000_000, Events = [new TestEvent("e", 1, [])] })];
        var trace = await TraceFinder.FindAsync(new TraceSources(TestStore.Live(spans), []), Id, 0, 0, default);
        Assert.Equal(4, trace.Prune(new SpanPruning([], 5, 1)));
        var summary = Read(trace).Single(static s => s.Name == "q");
        Assert.Equal(
            (2UL, 1UL, 1000UL, 1000UL + 4 + 150_000_000, 0), (summary.Id, summary.ParentId, summary.Start, summary.End, summary.Events));
        Assert.Equal(
            "aggregation.duration_avg_ns=54000000 aggregation.duration_max_ns=150000000 aggregation.duration_min_ns=5000000 aggregation.duration_total_ns=270000000 "
            + "aggregation.histogram_bucket_bounds_s=[0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10] aggregation.histogram_bucket_counts=[1,1,3,3,4,5,5,5,5,5,5,5] "
            + "aggregation.is_summary=true aggregation.span_count=5",
            string.Join(' ', summary.Attributes.Where(static a => a.Key.StartsWith("aggregation.", StringComparison.Ordinal))
                .OrderBy(static a => a.Key, StringComparer.Ordinal).Select(static a => $"{a.Key}={a.Value}")));
    }

    [Fact]
    public async Task What_a_filter_leaves_is_pruned()
    {
        var trace = await TraceFinder.FindAsync(new TraceSources(TestStore.Live(Parse("root(a a b a b)")), []), Id, 0, 0, default);
        trace.Keep(TraceFilter.Create("{ name != \"b\" }", 0, 0));
        Assert.Equal(2, trace.Prune(new SpanPruning([], 2, 1)));
        Assert.Equal("root(a×3)", Text(Read(trace), ""));
    }

    [Fact]
    public async Task Of_a_large_trace_spans_in_other_parts_are_one_too_and_attributes_are_not_compared()
    {
        using var store = new TestStore();
        var spans = new List<TestSpan> { Span(1, 0, "root", 0) };
        for (ulong i = 2; i < 40_000; i++) spans.Add(Span(i, 1, i % 2 == 0 ? "even" : "odd", i));
        var sources = new TraceSources(TestStore.Live(spans.Take(25_000)), await store.Block(spans.Skip(25_000)));
        using var trace = await TraceFinder.FindAsync(sources, Id, 0, 0, default);
        Assert.Equal(QueryErrorKind.TooLarge, Assert.Throws<QueryException>(() => trace.Prune(new SpanPruning(["db.*"], 2, 1))).Kind);
        Assert.Equal(spans.Count - 3, trace.Prune(new SpanPruning([], 2, 1)));
        Assert.Equal("root(even×19999 odd×19999)", Text(Read(trace), ""));
    }

    private static TestSpan Span(ulong id, ulong parent, string name, ulong start) => new()
    {
        TraceId = Id,
        Id = id,
        ParentId = parent,
        Name = name,
        StartUnixNano = 1000 + start,
        DurationNano = 7,
        Resource = new TestResource([("service.name", "s")]),
    };

    private static List<TestSpan> Parse(string tree)
    {
        var spans = new List<TestSpan>();
        var above = new Stack<ulong>([0UL]);
        for (var at = 0; at < tree.Length;)
        {
            switch (tree[at])
            {
                case '(': above.Push((ulong)spans.Count); at++; continue;
                case ')': above.Pop(); at++; continue;
                case ' ': at++; continue;
            }

            var end = tree.AsSpan(at).IndexOfAny("() ");
            var word = end < 0 ? tree[at..] : tree.Substring(at, end);
            at += word.Length;
            var parts = word.TrimEnd('!').Split('=');
            spans.Add(Span((ulong)spans.Count + 1, above.Peek(), parts[0], (ulong)spans.Count) with
            {
                Status = word.EndsWith('!') ? 2 : 0,
                Attributes = parts.Length > 1 ? new Attributes { ("db.op", parts[1]) } : []
            });
        }

        return spans;
    }

    private static string Text(List<ReadSpan> spans, string at, ulong parent = 0) =>
        string.Join(' ', spans.Where(s => s.ParentId == parent).OrderBy(static s => s.Start).Select(s =>
        {
            var below = Text(spans, at, s.Id);
            var op = s.Attributes.GetValueOrDefault("db.op");
            var count = s.Attributes.GetValueOrDefault("aggregation.span_count");
            return $"{s.Name}{(s.IsError ? "!" : "")}{(op is null ? "" : $"={op}")}{(count is null ? "" : $"×{count}")}{(below.Length == 0 ? "" : $"({below})")}";
        }));

    private static List<ReadSpan> Read(FoundTrace trace)
    {
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, 1 << 20);
        var json = new ArrayBufferWriter<byte>();
        Assert.True(OtlpJsonWriter.TryWrite(output.Written, OtlpJsonWriter.BatchesKey, json, out var error), error.Message);
        var document = JsonNode.Parse(json.WrittenSpan)!;
        return [.. Items(document, "batches").SelectMany(static r => Items(r, "scopeSpans")).SelectMany(static s => Items(s, "spans"))
            .Select(static s => new ReadSpan(
                Number(s, "spanId"), Number(s, "parentSpanId"), (string)s["name"]!, (string?)s["status"]?["code"] == "STATUS_CODE_ERROR",
                ulong.Parse((string)s["startTimeUnixNano"]!, CultureInfo.InvariantCulture),
                ulong.Parse((string)s["endTimeUnixNano"]!, CultureInfo.InvariantCulture), Items(s, "events").Count(),
                Items(s, "attributes").ToDictionary(static a => (string)a["key"]!, static a => Value(a["value"]!))))];
    }

    private static IEnumerable<JsonNode> Items(JsonNode node, string name) =>
        node[name] is JsonArray list ? list.Select(static item => item!) : [];

    private static ulong Number(JsonNode span, string name) =>
        span[name] is { } id ? BinaryPrimitives.ReadUInt64BigEndian(Convert.FromBase64String((string)id!)) : 0;

    private static string Value(JsonNode value) => value.AsObject().Single() switch
    {
        { Key: "arrayValue", Value: { } list } => $"[{string.Join(',', Items(list, "values").Select(Value))}]",
        var (_, scalar) => scalar!.ToString(),
    };

    private sealed record ReadSpan(
        ulong Id, ulong ParentId, string Name, bool IsError, ulong Start, ulong End, int Events, Dictionary<string, string> Attributes);
}
