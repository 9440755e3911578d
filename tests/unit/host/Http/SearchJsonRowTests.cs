using System.Buffers;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

/// <summary>Traces of an answer written in one piece, against the same written token by token.</summary>
public class SearchJsonRowTests
{
    private static readonly string[] Texts = ["", "a", "cart", "GET /api/v1/products/{id}", new string('x', 300), "a<b", "\"q\"", "näh",
        "back\\slash", "\u007f tab", "nul\0", "a&b"];

    [Fact]
    public void A_trace_in_one_piece_is_what_it_is_token_by_token()
    {
        var random = new Random(1);
        var inOnePiece = 0;
        for (var i = 0; i < 3000; i++)
        {
            // Of those with special characters hardly any could be written in one piece.
            var trace = Trace(random, i % 2 == 0 ? 5 : Texts.Length);
            var isPadded = random.Next(2) == 0;
            ArrayBufferWriter<byte> expected = new(), actual = new();
            var tokens = new ProtoJsonWriter(expected);
            var pieces = new ProtoJsonWriter(actual);
            tokens.BeginArray();
            pieces.BeginArray();
            for (var times = 0; times < 2; times++)
            {
                SearchJson.WriteTrace(ref tokens, trace, hasSpanSets: true, isPadded);
                var before = actual.WrittenCount;
                if (SearchJsonRow.TryWrite(ref pieces, trace, isPadded))
                {
                    inOnePiece++;
                    continue;
                }

                Assert.Equal(before, actual.WrittenCount);
                SearchJson.WriteTrace(ref pieces, trace, hasSpanSets: true, isPadded);
            }

            tokens.EndArray();
            pieces.EndArray();
            Assert.Equal(Encoding.UTF8.GetString(expected.WrittenSpan), Encoding.UTF8.GetString(actual.WrittenSpan));
            using var parsed = JsonDocument.Parse(actual.WrittenMemory);
            Assert.Equal(2, parsed.RootElement.GetArrayLength());
        }

        Assert.InRange(inOnePiece, 1000, 5000);
    }

    [Fact]
    public void A_trace_without_its_root_goes_in_one_piece()
    {
        var output = new ArrayBufferWriter<byte>();
        var json = new ProtoJsonWriter(output);
        Assert.True(SearchJsonRow.TryWrite(
            ref json, new TraceSearchResult { TraceId = new TraceId(0, 1), StartTimeUnixNano = 0, DurationMs = 0 }, isPadded: false));
        Assert.Equal(
            """{"traceID":"1","rootServiceName":"\u003croot span not yet received\u003e"}""", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    /// <summary>What cannot go in one piece asks for no memory: a block of the answer would end for it.</summary>
    [Theory]
    [InlineData("a<b", "", "k", 1L)]
    [InlineData("a", "n\u00e4h", "k", 1L)]
    [InlineData("a", "", "k&", 1L)]
    [InlineData("a", "", "", 1L)]
    [InlineData("a", "", "k", "\"")]
    [InlineData("a", "", "k", 1.5)]
    public void A_trace_that_has_to_be_escaped_asks_for_no_memory(string service, string name, string key, object value)
    {
        var trace = new TraceSearchResult
        {
            TraceId = new TraceId(0, 1),
            StartTimeUnixNano = 0,
            DurationMs = 0,
            SpanSets = [new SpanSetResult { Spans = [new SpanResult { SpanId = new SpanId(1), Name = name, StartTimeUnixNano = 0,
                DurationNanos = 0, Attributes = [new AttributeResult(key, value)] }] }],
            ServiceStats = [new ServiceStatsResult(service, 1, 0)],
        };
        var json = new ProtoJsonWriter(new NoMemory());
        Assert.False(SearchJsonRow.TryWrite(ref json, trace, isPadded: false));
    }

    private sealed class NoMemory : IBufferWriter<byte>
    {
        public void Advance(int count) => throw new InvalidOperationException("written");

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new InvalidOperationException("asked for");

        public Span<byte> GetSpan(int sizeHint = 0) => throw new InvalidOperationException("asked for");
    }

    private static TraceSearchResult Trace(Random random, int texts) => new()
    {
        TraceId = new TraceId(random.Next(3) == 0 ? 0 : Number(random), Number(random)),
        RootServiceName = random.Next(4) == 0 ? null : Text(random, texts),
        RootTraceName = random.Next(4) == 0 ? null : Text(random, texts),
        StartTimeUnixNano = Number(random),
        DurationMs = (uint)Number(random),
        SpanSets = [.. Enumerable.Range(0, random.Next(4)).Select(_ => new SpanSetResult
        {
            Matched = (uint)random.Next(3),
            Attributes = Attributes(random, texts),
            Spans = [.. Enumerable.Range(0, random.Next(4)).Select(_ => new SpanResult
            {
                SpanId = new SpanId(Number(random)),
                Name = random.Next(2) == 0 ? null : Text(random, texts),
                StartTimeUnixNano = Number(random),
                DurationNanos = Number(random),
                Attributes = Attributes(random, texts),
            })],
        })],
        ServiceStats = [.. Enumerable.Range(0, random.Next(4))
            .Select(_ => new ServiceStatsResult(Text(random, texts), (uint)random.Next(3), (uint)random.Next(2)))],
    };

    private static AttributeResult[] Attributes(Random random, int texts) =>
        [.. Enumerable.Range(0, random.Next(3)).Select(
            _ => new AttributeResult(Text(random, texts), random.Next(texts == Texts.Length ? 5 : 3) switch
            {
                0 => Text(random, texts),
                1 => unchecked((long)Number(random)),
                2 => random.Next(2) == 0,
                3 => random.NextDouble(),
                _ => new object[] { 1L, "a" },
            }))];

    private static string Text(Random random, int texts) => Texts[random.Next(texts)];

    private static ulong Number(Random random) => random.Next(5) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        _ => (ulong)random.NextInt64() >> random.Next(63),
    };
}
