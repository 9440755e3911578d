using System.Buffers.Binary;
using Tempo.Perf.Load.Traffic;
using Xunit;

namespace Tempo.Perf.Load.Tests;

/// <summary>A stamped request is read back by a plain recursive walk that shares nothing with the writer.</summary>
public class StampedRequestTests
{
    private const long NowUnixNanos = 1_760_000_000_000_000_000;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 100)]
    [InlineData(3, 400)]
    public void Every_trace_is_a_whole_tree_in_the_past(ulong seed, int spansPerRequest)
    {
        var stamper = new RequestStamper(seed);
        foreach (RequestTemplate template in TemplateBuilder.BuildMany(seed, spansPerRequest, 8))
        {
            List<Span> spans = Read(Stamp(stamper, template));
            Assert.Equal(template.SpanCount, spans.Count);
            Assert.Equal(spans.Count, spans.Select(static s => s.Id).Distinct().Count());
            Dictionary<ulong, Span> byId = spans.ToDictionary(static s => s.Id);
            foreach (Span span in spans)
            {
                Assert.InRange(span.Start, NowUnixNanos - 60_000_000_000, span.End);
                Assert.InRange(span.End, span.Start, NowUnixNanos);
                if (span.Parent == 0) continue;
                Assert.Equal(span.TraceId, byId[span.Parent].TraceId);
                Assert.True(byId[span.Parent].Start <= span.Start);
            }
            foreach (IGrouping<UInt128, Span> trace in spans.GroupBy(static s => s.TraceId))
            {
                Assert.InRange(trace.Count(), TracePlanner.MinSpans, TracePlanner.MaxSpans);
                Assert.Single(trace, static s => s.Parent == 0);
            }
        }
    }

    [Fact]
    public void Two_stamps_share_their_shape_and_no_id()
    {
        RequestTemplate template = TemplateBuilder.BuildMany(seed: 1, spansPerRequest: 100, count: 1)[0];
        var stamper = new RequestStamper(7);
        List<Span> first = Read(Stamp(stamper, template)), second = Read(Stamp(stamper, template));
        Assert.Equal(first.Select(static s => s.AttributeCount), second.Select(static s => s.AttributeCount));
        Assert.Empty(first.Select(static s => s.TraceId).Intersect(second.Select(static s => s.TraceId)));
        Assert.Empty(first.Select(static s => s.Id).Intersect(second.Select(static s => s.Id)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        byte[] Make(ulong seed) => Stamp(new RequestStamper(seed), TemplateBuilder.BuildMany(seed, 100, 1)[0]);
        Assert.Equal(Make(5), Make(5));
        Assert.NotEqual(Make(5), Make(6));
    }

    [Fact]
    public void The_mix_has_the_size_and_the_attributes_that_the_figures_are_quoted_for()
    {
        RequestTemplate[] templates = TemplateBuilder.BuildMany(seed: 1, spansPerRequest: 100, count: 64);
        var stamper = new RequestStamper(1);
        List<Span> spans = [.. templates.SelectMany(template => Read(Stamp(stamper, template)))];
        Assert.InRange((double)templates.Sum(static t => t.Bytes.Length) / spans.Count, 570, 690);
        Assert.InRange(spans.Average(static s => s.AttributeCount), 12, 14);
    }

    private static byte[] Stamp(RequestStamper stamper, RequestTemplate template)
    {
        var request = new byte[template.Bytes.Length];
        stamper.Stamp(template, NowUnixNanos, request);
        return request;
    }

    private sealed record Span(UInt128 TraceId, ulong Id, ulong Parent, long Start, long End, int AttributeCount);

    // resource_spans = 1 / scope_spans = 2 / spans = 2
    private static List<Span> Read(byte[] request) =>
    [
        .. from resourceSpans in Fields(request) where resourceSpans.Number == 1
           from scopeSpans in Fields(resourceSpans.Bytes) where scopeSpans.Number == 2
           from span in Fields(scopeSpans.Bytes) where span.Number == 2
           select ReadSpan([.. Fields(span.Bytes)]),
    ];

    private static Span ReadSpan(List<(int Number, byte[] Bytes)> fields)
    {
        byte[] Only(int number) => fields.Single(f => f.Number == number).Bytes;
        byte[]? parent = fields.SingleOrDefault(static f => f.Number == 4).Bytes;
        return new Span(
            BinaryPrimitives.ReadUInt128BigEndian(Only(1)), BinaryPrimitives.ReadUInt64BigEndian(Only(2)),
            parent is null ? 0 : BinaryPrimitives.ReadUInt64BigEndian(parent),
            BinaryPrimitives.ReadInt64LittleEndian(Only(7)), BinaryPrimitives.ReadInt64LittleEndian(Only(8)),
            fields.Count(static f => f.Number == 9));
    }

    private static IEnumerable<(int Number, byte[] Bytes)> Fields(byte[] message)
    {
        int at = 0;
        while (at < message.Length)
        {
            ulong tag = Varint();
            int start = at;
            int length = (tag & 7) switch
            {
                1 => 8,
                5 => 4,
                2 => (int)Varint(),
                0 => 0,
                _ => throw new InvalidDataException($"wire type {tag & 7}")
            };
            if ((tag & 7) == 0) Varint();
            if ((tag & 7) == 2) start = at;
            if ((tag & 7) != 0) at = start + length;
            yield return ((int)(tag >> 3), message[start..at]);
        }

        ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte next = message[at++];
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80) return value;
            }
        }
    }
}
