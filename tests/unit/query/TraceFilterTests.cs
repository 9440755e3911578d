using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Answers by id: which spans a filter leaves, and the ids of Zipkin's shared spans.</summary>
public sealed class TraceFilterTests
{
    private static readonly TraceId Id = new(1, 2);

    private static TestSpan Span(ulong id, ulong parent, string name = "", int kind = 0) => new()
    {
        TraceId = Id,
        Id = id,
        ParentId = parent,
        Name = name,
        Kind = kind,
        StartUnixNano = 1000 + id,
        Resource = new TestResource([("service.name", "s")]),
    };

    // 1 ─ 2 ─ 3 ─ 4 (hit) ─ 5 ─ 6
    //   └ 7 (hit)     9 (parent not there) ─ 10 (hit)
    private static readonly TestSpan[] Tree =
    [
        Span(1, 0), Span(2, 1), Span(3, 2), Span(4, 3, "hit"), Span(5, 4), Span(6, 5), Span(7, 1, "hit"), Span(9, 99), Span(10, 9, "hit"),
    ];

    [Theory]
    [InlineData(0, 0, "4 7 10")]
    [InlineData(1, 0, "4 5 7 10")]
    [InlineData(-1, 0, "4 5 6 7 10")]
    [InlineData(0, 1, "1 3 4 7 9 10")]
    [InlineData(0, 2, "1 2 3 4 7 9 10")]
    [InlineData(0, -1, "1 2 3 4 7 9 10")]
    [InlineData(-1, -1, "1 2 3 4 5 6 7 9 10")]
    public async Task KeepsMatchesAndTheLevelsAroundThem(int matchDepth, int ancestorDepth, string expected)
    {
        var trace = await FindAsync(Tree);
        Assert.Equal(
            expected.Split(' ').Length < Tree.Length, trace.Keep(TraceFilter.Create("{ name = \"hit\" }", matchDepth, ancestorDepth)));
        Assert.Equal(expected.Split(' ').Length, trace.SpanCount);
        Assert.Equal(expected, string.Join(' ', Ids(trace).Select(static s => s.Id)));
    }

    [Fact]
    public async Task NothingMatchesIsAnEmptyTrace()
    {
        var trace = await FindAsync(Tree);
        Assert.True(trace.Keep(TraceFilter.Create("{ name = \"other\" }", -1, -1)));
        Assert.Equal(0, trace.SpanCount);
        Assert.Empty(Ids(trace));
    }

    [Fact]
    public async Task ACycleIsNoTrap()
    {
        var trace = await FindAsync([Span(1, 2, "hit"), Span(2, 3), Span(3, 1)]);
        trace.Keep(TraceFilter.Create("{ name = \"hit\" }", -1, -1));
        Assert.Equal(3, trace.SpanCount);
    }

    [Fact]
    public async Task TheServersHalfOfASharedSpanGetsAnIdOfItsOwn()
    {
        const int client = 3, server = 2;
        var trace = await FindAsync(
            [Span(0xaa, 1, kind: client), Span(0xaa, 1, "server", server) with { StartUnixNano = 2000 },
                Span(0xbb, 0xaa) with { StartUnixNano = 2001 }, Span(1, 0)]);
        Assert.Equal([(1ul, 0ul), (0xaaul, 1ul), (2ul, 0xaaul), (0xbbul, 2ul)], Ids(trace));
    }

    private static Task<FoundTrace> FindAsync(IEnumerable<TestSpan> spans) =>
        TraceFinder.FindAsync(new TraceSources(TestStore.Live(spans), []), Id, 0, 0, default);

    private static List<(ulong Id, ulong Parent)> Ids(FoundTrace trace)
    {
        using var output = new NativeBuffer();
        while (!trace.IsAtEnd) trace.WritePart(output, 1);
        var sink = new IdSink();
        Assert.True(OtlpTraceReader.TryRead(output.Written, ref sink, out _));
        return sink.Ids;
    }

    private struct IdSink : IOtlpTraceSink
    {
        public IdSink()
        {
        }

        public List<(ulong Id, ulong Parent)> Ids { get; } = [];

        public readonly bool BeginResource(ReadOnlySpan<byte> message) => false;

        public readonly void EndResource(uint droppedAttributesCount)
        {
        }

        public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;

        public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
        {
        }

        public readonly void BeginSpan()
        {
        }

        public readonly void EndSpan(in SpanFields fields) =>
            Ids.Add((SpanId.Read(fields.SpanId).Value, fields.ParentSpanId.IsEmpty ? 0 : SpanId.Read(fields.ParentSpanId).Value));

        public readonly void BeginEvent()
        {
        }

        public readonly void EndEvent(in EventFields fields)
        {
        }

        public readonly void BeginLink()
        {
        }

        public readonly void EndLink(in LinkFields fields)
        {
        }

        public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
        {
        }
    }
}
