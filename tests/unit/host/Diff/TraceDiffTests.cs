using System.Buffers;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Host.Diff;
using Tempo.Host.Foreign;
using Xunit;

namespace Tempo.Host.Tests.Diff;

public class TraceDiffTests
{
    private static readonly (TraceId, TraceId) Ids = (new TraceId(0, 1), new TraceId(0, 2));

    private static SpanRecord Span(
        ulong id, ulong parent, string service, string name, ulong durationMs = 10, int status = 0, params AttributeRecord[] attributes)
    {
        var span = new SpanRecord
        {
            SpanId = id,
            ParentSpanId = parent,
            Name = name,
            Kind = 2,
            StartUnixNano = 1_000_000_000 + id,
            EndUnixNano = 1_000_000_000 + id + durationMs * 1_000_000,
            StatusCode = status,
            Resource = new ResourceRecord { ServiceName = service },
            Scope = new ScopeRecord(),
        };
        span.Attributes.AddRange(attributes);
        return span;
    }

    private static TraceDiff Diff(SpanRecord[] before, SpanRecord[] after) =>
        TraceDiff.Of(DiffTree.Of([.. before]), DiffTree.Of([.. after]));

    private static JsonElement Json(Action<ArrayBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }

    [Fact]
    public void SpansArePairedByWhatTheyDoAndComparedByWhatTheySay()
    {
        var diff = Diff(
            [Span(1, 0, "shop", "checkout"), Span(2, 1, "cart", "get"),
                Span(3, 1, "cart", "get", attributes: new AttributeRecord("items", 3L)), Span(4, 1, "mail", "send")],
            [Span(11, 0, "shop", "checkout", durationMs: 30), Span(12, 11, "cart", "get"),
                Span(13, 11, "cart", "get", 10, 2, new AttributeRecord("items", 4L), new AttributeRecord("retry", true)),
                Span(15, 11, "bill", "charge"), Span(16, 15, "bank", "book")]);
        Assert.Equal((3, 2, 1), (diff.Matched.Count, diff.Added.Count, diff.Removed.Count));
        var patch = Json(output => TracePatchJson.Write(diff, Ids, output));
        Assert.Equal("trace-patch-v0", patch.GetProperty("version").GetString());
        Assert.Equal("00000000000000000000000000000002", patch.GetProperty("compare").GetProperty("traceId").GetString());
        Assert.Equal(
            "{\"spanCountA\":4,\"spanCountB\":5,\"matchedSpans\":3,\"modifiedSpans\":2,\"addedSpans\":2,\"removedSpans\":1,\"fieldChanges\":2,\"attributeChanges\":2,\"eventChanges\":0,\"truncated\":false}",
            patch.GetProperty("stats").GetRawText());
        var modified = patch.GetProperty("modified");
        Assert.Equal("""[{"op":"replace","target":{"type":"field","name":"duration_nanos"},"before":10000000,"after":30000000}]""",
            modified[0].GetProperty("changes").GetRawText());
        Assert.Equal("""{"path":"shop: checkout / cart: get #2","service":"cart","name":"get","kind":"SPAN_KIND_SERVER"}""",
            modified[1].GetProperty("span").GetRawText());
        Assert.Equal(
            """[{"op":"replace","target":{"type":"field","name":"status"},"before":"unset","after":"error"},{"op":"replace","target":{"type":"attribute","scope":"span","key":"items"},"before":3,"after":4},{"op":"add","target":{"type":"attribute","scope":"span","key":"retry"},"after":true}]""",
            modified[1].GetProperty("changes").GetRawText());
        Assert.Equal(
            """[{"target":{"type":"span","path":"shop: checkout / mail: send","parentPath":"shop: checkout","index":2},"span":{"path":"shop: checkout / mail: send","service":"mail","name":"send","kind":"SPAN_KIND_SERVER","duration_nanos":10000000,"status":"unset"}}]""",
            patch.GetProperty("removed").GetRawText());
        Assert.Equal(["bill", "bank"], patch.GetProperty("added").EnumerateArray()
            .Select(a => a.GetProperty("span").GetProperty("service").GetString()!));
        Assert.Equal(0, patch.GetProperty("warnings").GetArrayLength());
    }

    [Fact]
    public void ATraceIsLikeItself()
    {
        SpanRecord[] spans = [Span(1, 0, "a", "x"), Span(2, 1, "a", "y"), Span(3, 2, "b", "z")];
        var diff = Diff(spans, spans);
        Assert.Equal((3, 0, 0, 0), (diff.Matched.Count, diff.Modified.Count(), diff.Added.Count, diff.Removed.Count));
        var summary = Json(output => TraceSummaryJson.Write(diff, Ids, hasPatch: false, output));
        Assert.Equal("""{"traceLatency":"unchanged","sumSpanDuration":"unchanged","errors":"unchanged","spanCount":"unchanged","structure":"unchanged"}""", summary.GetProperty("signals").GetRawText());
        Assert.Equal("""{"matchedSpanRatio":1,"structureOverlap":1}""", summary.GetProperty("trust").GetRawText());
        Assert.False(summary.TryGetProperty("patch", out _));
    }

    [Fact]
    public void TheSummaryCountsServiceByService()
    {
        var diff = Diff(
            [Span(1, 0, "shop", "checkout", 10, 2), Span(2, 1, "cart", "get")],
            [Span(1, 0, "shop", "checkout"), Span(2, 1, "cart", "get", 50, 2), Span(3, 1, "bank", "book", 5, 2)]);
        var summary = Json(output => TraceSummaryJson.Write(diff, Ids, hasPatch: true, output));
        Assert.Equal(
            """{"traceId":"00000000000000000000000000000001","rootService":"shop","rootName":"checkout","spanCount":2,"errorSpanCount":1,"durationMs":10.000001,"sumSpanDurationMs":20}""",
            summary.GetProperty("base").GetRawText());
        Assert.Equal(
            """[{"name":"cart","sumSpanDurationDeltaMs":40,"modified":1,"added":0,"removed":0,"newErrors":1,"resolvedErrors":0},{"name":"bank","sumSpanDurationDeltaMs":5,"modified":0,"added":1,"removed":0,"newErrors":1,"resolvedErrors":0},{"name":"shop","sumSpanDurationDeltaMs":0,"modified":1,"added":0,"removed":0,"newErrors":0,"resolvedErrors":1}]""",
            summary.GetProperty("services").GetRawText());
        Assert.Equal((3, "increased"), (summary.GetProperty("changedServices").GetInt32(),
            summary.GetProperty("signals").GetProperty("errors").GetString()));
        Assert.Equal("trace-patch-v0", summary.GetProperty("patch").GetProperty("version").GetString());
    }

    // Circles, orphans and a chain of every span are trees as well, and nothing of them is lost.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void NoSpanIsLostWhateverTheParents(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var spans = Enumerable.Range(1, random.Next(1, 30))
                .Select(id => Span((ulong)id, (ulong)random.Next(0, 35), "s" + random.Next(2), "n" + random.Next(3))).ToArray();
            var others = Enumerable.Range(1, random.Next(1, 30))
                .Select(id => Span((ulong)id, (ulong)random.Next(0, 35), "s" + random.Next(2), "n" + random.Next(3))).ToArray();
            var diff = Diff(spans, others);
            Assert.True(diff.Base.Nodes.Count == spans.Length && diff.Base.Nodes.Distinct().Count() == spans.Length,
                $"seed {seed}, round {round}: {diff.Base.Nodes.Count} of {spans.Length}");
            Assert.Equal(spans.Length, diff.Matched.Count + diff.Removed.Count);
            Assert.Equal(others.Length, diff.Matched.Count + diff.Added.Count);
            Json(output => TracePatchJson.Write(diff, Ids, output));
        }
    }

    [Fact]
    public void ADeepTraceIsWrittenWithTheEndsOfItsPaths()
    {
        var chain = Enumerable.Range(1, 50_000).Select(id => Span((ulong)id, (ulong)id - 1, "s", "n")).ToArray();
        var patch = Json(output => TracePatchJson.Write(Diff(chain[..1], chain), Ids, output));
        Assert.Equal((49_999, 1000, true), (patch.GetProperty("stats").GetProperty("addedSpans").GetInt32(),
            patch.GetProperty("added").GetArrayLength(), patch.GetProperty("stats").GetProperty("truncated").GetBoolean()));
        Assert.StartsWith(
            "… / s: n", patch.GetProperty("added")[999].GetProperty("span").GetProperty("path").GetString(), StringComparison.Ordinal);
        Assert.Equal("truncated", patch.GetProperty("warnings")[0].GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("[]", "an object is expected")]
    [InlineData("""{"base":{"traceId":"x"},"compare":{"traceId":"1"}}""", "base.traceId: at most 32 hex digits")]
    [InlineData("""{"base":{"traceId":"1"}}""", "compare is missing")]
    [InlineData("""{"base":{"traceId":"1","start":"5"},"compare":{"traceId":"1"}}""", "base.start: unix seconds")]
    [InlineData("""{"base":{"traceId":"1","start":5,"end":5},"compare":{"traceId":"1"}}""", "start must be before end")]
    [InlineData("""{"base":{"traceId":"1"},"compare":{"traceId":"1"},"format":"x"}""", "unknown format \"x\"")]
    [InlineData("""{"base":{"traceId":"1"},"compare":{"traceId":"1"},"format":5}""", "unknown format \"5\"")]
    public void WhatIsWrongIsSaid(string body, string expected)
    {
        Assert.False(TraceDiffRequest.TryParse(Encoding.UTF8.GetBytes(body), out _, out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void ARequestIsRead()
    {
        const string body =
            """{"base":{"traceId":"1","start":5,"end":null},"compare":{"traceId":"02"},"format":"trace-summary-v0-native","more":1}""";
        Assert.True(TraceDiffRequest.TryParse(Encoding.UTF8.GetBytes(body), out var request, out _));
        Assert.Equal(new TraceDiffRequest(
            new DiffTrace(new TraceId(0, 1), 5, 0), new DiffTrace(new TraceId(0, 2), 0, 0), TraceSummaryJson.Native), request);
    }
}
