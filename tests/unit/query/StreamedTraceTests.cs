using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Engine.Storage.Blocks;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>A trace that is read while it is written has the spans of one that is brought together in memory.</summary>
public sealed class StreamedTraceTests
{
    private const int Client = 3, Server = 2;
    private static readonly TraceId Id = new(1, 2);
    private static readonly WholeTraceLimit Whole = new(long.MaxValue, long.MaxValue);
    private static readonly WholeTraceLimit Streamed = new(0, 0);

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task HasTheSameSpansAsAWholeOne(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), seed % 3 == 0 ? OracleTests.Dedicated() : null);
        var spans = new RandomSpans(random).Next();
        var sources = await store.Sources(layout, spans);
        foreach (var id in spans.Select(static span => span.TraceId).Distinct().Take(8))
        {
            foreach (var filter in (string[])["", "{ kind = server }", "{ span.a = 1 || duration > 100ms }", "{ false }"])
            {
                var expected = await ReadAsync(sources, id, Whole, filter, int.MaxValue);
                var found = await ReadAsync(sources, id, Streamed, filter, random.Next(1, 2000));
                Assert.True(expected.SequenceEqual(found),
                    $"seed {seed}, {layout}, {store}, trace {id}, filter {filter}\nexpected\n{string.Join('\n', expected)}\nfound\n{string.Join('\n', found)}");
            }
        }
    }

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(40)];

    // As in a trace that is in memory: the copy that starts first, then the longest, then the failed one.
    [Fact]
    public async Task OfCopiesInSeveralPlacesTheOneThatAWholeTraceWouldShowIsShown()
    {
        using var store = new TestStore();
        TestSpan[] first = [Span(1) with { DurationNano = 5 }, Span(2) with { Name = "late", StartUnixNano = 500 },
            Span(3) with { Name = "fine" }, Span(4, kind: Client)];
        TestSpan[] second = [Span(1) with { DurationNano = 9, Name = "finished" }, Span(2), Span(3) with { Name = "failed", Status = 2 },
            Span(4, kind: Server), Span(5)];
        foreach (var (a, b) in ((TestSpan[], TestSpan[])[])[(first, second), (second, first)])
        {
            TraceSources[] all =
            [
                new(TestStore.Live(a), await store.Block(b)),
                new([], [.. await store.Block(a), .. await store.Block(b)]),
                new([.. TestStore.Live(a), .. TestStore.Live(b)], [.. await store.Block(b), .. await store.Block(a)]),
            ];
            foreach (var sources in all)
            {
                var found = await ReadAsync(sources, Id, Streamed, "", int.MaxValue);
                Assert.Equal(6, found.Count);
                Assert.Equal(await ReadAsync(sources, Id, Whole, "", int.MaxValue), found);
                Assert.Single(found, static span => span.Contains("finished", StringComparison.Ordinal));
                Assert.Single(found, static span => span.Contains("failed", StringComparison.Ordinal));
                Assert.DoesNotContain(found, static span => span.Contains("late", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task TheServersHalfOfASharedSpanGetsAnIdOfItsOwnThoughTheHalvesLieApart()
    {
        using var store = new TestStore();
        var sources = new TraceSources(
            TestStore.Live([Span(0xaa, 1, Client), Span(0xbb, 0xaa)]),
            [.. await store.Block([Span(0xaa, 1, Server), Span(0xcc, 0xaa, Server), Span(1)])]);

        var found = await ReadAsync(sources, Id, Streamed, "", 1);

        Assert.Equal(await ReadAsync(sources, Id, Whole, "", int.MaxValue), found);
        Assert.Single(
            found, static span => span.Contains("\"spanId\":\"AAAAAAAAAAI=\",\"parentSpanId\":\"AAAAAAAAAKo=\"", StringComparison.Ordinal));
        Assert.Single(
            found, static span => span.Contains("\"spanId\":\"AAAAAAAAALs=\",\"parentSpanId\":\"AAAAAAAAAAI=\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheSameTraceIsAnsweredInTheSameOrderEachTime()
    {
        using var store = new TestStore();
        var sources = new TraceSources(
            TestStore.Live([Span(9), Span(8)]), [.. await store.Block([Span(7), Span(2)]), .. await store.Block([Span(5), Span(1)])]);
        var first = await BytesAsync(sources);
        Assert.Equal(first, await BytesAsync(sources));
        Assert.Equal(["1", "5", "2", "7", "8", "9"], Spans(first).Select(static span => span.GetProperty("name").GetString()!));
    }

    [Fact]
    public async Task APartThatCannotBeReadIsLeftOutAndTold()
    {
        using var store = new TestStore();
        var (sound, damaged) = (await store.Block([Span(1), Span(2)]), await store.Block([Span(3), Span(4)]));
        store.DamagePages(damaged[0]);
        using var trace = await FindAsync(new TraceSources([], [.. sound, .. damaged]), Id, Streamed);
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, 1);
        Assert.Equal(2, Spans(output.Written.ToArray()).Count);
        Assert.Contains(damaged[0].Meta.BlockId.ToString(), trace.Damage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNowhereIsEmpty()
    {
        using var trace = await FindAsync(new TraceSources(TestStore.Live([Span(1)]), []), new TraceId(7, 7), Streamed);
        Assert.True(trace.IsAtEnd);
        Assert.Equal(0, trace.SpanCount);
    }

    private static TestSpan Span(ulong id, ulong parent = 0, int kind = 1) => new()
    {
        TraceId = Id,
        Id = id,
        ParentId = parent,
        Kind = kind,
        Name = id.ToString(System.Globalization.CultureInfo.InvariantCulture),
        StartUnixNano = 100 + id,
        Resource = new TestResource([("service.name", "s")]),
    };

    [Fact]
    public async Task ARowWithMoreSpansThanAreUnpackedIsLeftOutAndSaidToBe()
    {
        using var store = new TestStore();
        var small = await store.Block([.. Enumerable.Range(1, 5).Select(static i => Span((ulong)i))]);
        var large = await store.Block([.. Enumerable.Range(10, 20).Select(static i => Span((ulong)i))]);
        using var trace = await TraceFinder.FindAsync(
            new TraceSources(TestStore.Live([Span(100)]), [.. small, .. large]), Id, 0, 0, Streamed, maxRowSpans: 19, default);
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, 1000);
        Assert.Equal(6, Spans(output.Written.ToArray()).Count);
        Assert.Equal($"block {large[0].Meta.BlockId} could not be read: a row has 20 spans of the trace; of a row at most 19 are unpacked",
            trace.Damage);
        using var whole = await TraceFinder.FindAsync(new TraceSources([], large), Id, 0, 0, Streamed, maxRowSpans: 20, default);
        Assert.Equal((20, ""), (whole.SpanCount, whole.Damage));
    }

    private static Task<FoundTrace> FindAsync(TraceSources sources, TraceId id, WholeTraceLimit limit) =>
        TraceFinder.FindAsync(sources, id, 0, 0, limit, WholeTraceLimit.MaxRowSpans, default);

    private static async Task<byte[]> BytesAsync(TraceSources sources)
    {
        using var trace = await FindAsync(sources, Id, Streamed);
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, 1);
        return output.Written.ToArray();
    }

    // Each span with its resource and scope, sorted.
    private static async Task<List<string>> ReadAsync(TraceSources sources, TraceId id, WholeTraceLimit limit, string filter, int partBytes)
    {
        using var trace = await FindAsync(sources, id, limit);
        if (filter.Length > 0) trace.Keep(TraceFilter.Create(filter, 1, 1));
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, partBytes);
        Assert.Equal("", trace.Damage);
        var spans = Spans(output.Written.ToArray());
        Assert.Equal(trace.SpanCount, spans.Count);
        return [.. spans.Select(static span => span.GetRawText()).Order(StringComparer.Ordinal)];
    }

    private static List<JsonElement> Spans(byte[] trace)
    {
        var json = new ArrayBufferWriter<byte>();
        Assert.True(OtlpJsonWriter.TryWrite(trace, OtlpJsonWriter.ResourceSpansKey, json, out var error), error.Message);
        var spans = new List<JsonElement>();
        using var document = JsonDocument.Parse(json.WrittenMemory);
        foreach (var resource in Items(document.RootElement, "resourceSpans"))
        {
            foreach (var scope in Items(resource, "scopeSpans"))
            {
                foreach (var span in Items(scope, "spans"))
                {
                    var around = $"{Text(resource, "resource")} {Text(scope, "scope")}";
                    spans.Add(JsonSerializer.Deserialize<JsonElement>(
                        span.GetRawText()[..^1] + $",\"around\":{JsonSerializer.Serialize(around)}}}"));
                }
            }
        }

        return spans;
    }

    private static IEnumerable<JsonElement> Items(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var list) ? list.EnumerateArray() : [];

    private static string Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) ? value.GetRawText() : "";
}
