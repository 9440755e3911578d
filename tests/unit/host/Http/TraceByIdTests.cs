using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Traces;
using Tempo.Host.Http;
using Tempo.Host.Tests.Testing;
using Tempo.Query.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class TraceByIdTests
{
    private static bool TryParse(string id, string query, out TraceByIdParameters parameters, out string error) =>
        TraceByIdParameters.TryParse(id, new QueryCollection(QueryHelpers.ParseQuery(query)), out parameters, out error);

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1aF", 0, 0x1af)]
    [InlineData("123456789abcdef0123456789ABCDEF0", 0x123456789abcdef0, 0x123456789abcdef0)]
    public void ShortIdsArePaddedOnTheLeft(string text, ulong high, ulong low)
    {
        Assert.True(TryParse(text, "start=5&mode=blocks&blockStart=00000000-0000-0000-0000-000000000000", out var p, out _));
        Assert.Equal(
            (new TraceId(high, low), 5, 0, false), (p.Id, p.Selection.StartSeconds, p.Selection.EndSeconds, p.Selection.IsExternalOnly));
    }

    [Theory]
    [InlineData("123x", "", "trace IDs can only contain hex characters: invalid character 'x' at position 4")]
    [InlineData("12 ", "", "trace IDs can only contain hex characters: invalid character ' ' at position 3")]
    [InlineData("000000000000000000000000000000001", "", "trace IDs can't be larger than 128 bits")]
    [InlineData("1", "start=x", "invalid start: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("1", "end=1.5", "invalid end: strconv.ParseInt: parsing \"1.5\": invalid syntax")]
    [InlineData("1", "start=10&end=5", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("1", "start=5&end=5", "http parameter start must be before end. received start=5 end=5")]
    [InlineData("1", "mode=recent", "invalid value for mode recent")]
    [InlineData("1", "blockStart=a", "invalid value for blockstart: invalid UUID length: 1")]
    [InlineData("1", "blockEnd=a", "invalid value for blockEnd: invalid UUID length: 1")]
    public void Errors(string id, string query, string expected)
    {
        Assert.False(TryParse(id, query, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public async Task NothingFoundStillHasTraceAndMetrics()
    {
        var output = new ArrayBufferWriter<byte>();
        using var protobuf = new TraceByIdBody(await TestTraces.FindAsync([]), 0);
        Assert.False(protobuf.WriteProtobufV2(output));
        protobuf.WriteProtobufEnd(output);
        Assert.Equal([0x0a, 0, 0x12, 0], output.WrittenSpan.ToArray());

        output.Clear();
        using var llm = new TraceByIdBody(await TestTraces.FindAsync([]), 0);
        TraceLlmJson.Write(await TestTraces.FindAsync([]), llm, output);
        Assert.Equal("{}", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void APartialAnswerSaysSo()
    {
        using var body = new TraceByIdBody(new WholeTrace(null, 300, "why"), 0);
        var output = new ArrayBufferWriter<byte>();
        body.WriteProtobufV2(output);
        body.WriteProtobufEnd(output);
        Assert.Equal([0x0a, 0, 0x12, 3, 0x08, 0xac, 2, 0x18, 1, 0x22, 3, .. "why"u8], output.WrittenSpan.ToArray());
        output.Clear();
        body.WriteJsonEnd(output);
        Assert.Equal(
            ""","metrics":{"inspectedBytes":"300"},"status":"PARTIAL","message":"why"}""", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public async Task ALargeTraceIsWrittenInPartsThatMakeUpTheWhole()
    {
        // 13 MB in OTLP: several parts, and several fields in version 2.
        TestSpan[] spans = [.. Enumerable.Range(1, 12_000).Select(i => TestTraces.Span(i, parent: i / 2, service: $"s{i % 3}") with
        {
            Attributes = [("text", new string('x', 1000)), ("seq", (long)i)],
        })];
        var whole = TestTraces.Read(await WriteAsync(spans, static (body, output) => body.WriteProtobufV1(output)));
        Assert.Equal(spans.Select(static s => (s.Id, (object?)(long)s.Id)), whole.Select(static s => (s.SpanId, s.Find("seq"))).Order());

        var v2 = await WriteAsync(spans, static (body, output) => body.WriteProtobufV2(output));
        Assert.True(TestTraces.Fields(v2).Count > 1);
        Assert.Equal(whole.Select(static s => s.SpanId), TestTraces.Fields(v2).SelectMany(TestTraces.Read).Select(static s => s.SpanId));

        var isFirst = true;
        var elements = await WriteAsync(spans, (body, output) =>
        {
            var isMore = body.WriteJson(isFirst, output);
            isFirst = false;
            return isMore;
        });
        using var json = JsonDocument.Parse($"[{Encoding.UTF8.GetString(elements)}]");
        var ids = json.RootElement.EnumerateArray().SelectMany(static r => r.GetProperty("scopeSpans").EnumerateArray())
            .SelectMany(static s => s.GetProperty("spans").EnumerateArray())
            .Select(static s => BinaryPrimitives.ReadUInt64BigEndian(s.GetProperty("spanId").GetBytesFromBase64()));
        Assert.Equal(whole.Select(static s => s.SpanId), ids);
    }

    // The memory of one look-up is that of the next, once it is disposed of and not before.
    [Fact]
    public async Task WhatOneTraceLeavesBehindIsInNoOther()
    {
        static TestSpan[] Spans(int count, string service) =>
            [.. Enumerable.Range(1, count).Select(
                i => TestTraces.Span(i, parent: i / 2, service: $"{service}{i % 3}") with { Attributes = [("of", service)] })];

        static string[] Read(FoundTrace trace)
        {
            using var part = new NativeBuffer();
            trace.WritePart(part, int.MaxValue);
            Assert.True(trace.IsAtEnd);
            return [.. TestTraces.Read(part.Written.ToArray()).Select(static s => $"{s.SpanId} {s.Resource.ServiceName} {s.Find("of")}")];
        }

        static string[] Expected(int count, string service) =>
            [.. Enumerable.Range(1, count).GroupBy(static i => i % 3).SelectMany(g => g.Select(i => $"{i} {service}{g.Key} {service}"))];

        foreach (var count in new[] { 3000, 5, 1100 })
        {
            using var first = await TestTraces.FindAsync(Spans(count, "a"));
            using (var second = await TestTraces.FindAsync(Spans(count + 7, "b"))) Assert.Equal(Expected(count + 7, "b"), Read(second));
            using var third = await TestTraces.FindAsync(Spans(count + 1, "c"));
            Assert.Equal(Expected(count, "a"), Read(first));
            Assert.Equal(Expected(count + 1, "c"), Read(third));
        }
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2000, true)]
    [InlineData(1_000_000, false)]
    public async Task ATraceOverTheLimitIsCutAndSaidSo(int maxBytes, bool isCut)
    {
        TestSpan[] spans = [.. Enumerable.Range(1, 100).Select(static i => TestTraces.Span(i))];
        using var body = new TraceByIdBody(await TestTraces.FindAsync(spans), maxBytes);
        var output = new ArrayBufferWriter<byte>();
        Assert.False(body.WriteProtobufV1(output));
        Assert.Equal(isCut, body.IsTooLarge);
        Assert.Equal(isCut ? $"Trace exceeds maximum size of {maxBytes} bytes, a partial trace is returned" : "", body.Message);
        var kept = TestTraces.Read(output.WrittenSpan.ToArray()).Count;
        if (isCut) Assert.InRange(kept, 1, 99);
        else Assert.Equal(100, kept);
    }

    [Fact]
    public async Task TheFormForLanguageModelsIsThatOfTempo()
    {
        var root = TestTraces.Span(0x77, service: "shell") with
        {
            Name = "sh\"ort<",
            DurationNano = 12_500_000,
            Kind = 2,
            Status = 2,
            StatusMessage = "boom",
            Scope = new TestScope("lib", "1.0", []),
            Resource = new TestResource([("service.name", "shell"), ("zone", "b"), ("a", 1L)]),
            Attributes = [("z", true), ("list", new object[] { "x", "y" }), ("half", 0.5), ("a", 200L)],
            Events = [new TestEvent("e", 5, [("k", "v")])],
            Links = [new TestLink(new TraceId(1, 2), 3, [("l", 4L)])],
        };
        var child = TestTraces.Span(0x78, parent: 0x77, service: "other");
        using var body = new TraceByIdBody(await TestTraces.FindAsync([root, child]), 0);
        var output = new ArrayBufferWriter<byte>();
        TraceLlmJson.Write(await TestTraces.FindAsync([root]), body, output);
        const string status = "\"status\":{\"code\":\"STATUS_CODE_";
        var (start, childStart) = (TestTraces.StartNano + 0x77, TestTraces.StartNano + 0x78);
        var expected = "{\"trace\":{\"traceId\":\"000000000000000a000000000000000b\",\"services\":["
            + "{\"serviceName\":\"shell\",\"resource\":{\"a\":1,\"zone\":\"b\"},\"scopes\":[{\"name\":\"lib\",\"version\":\"1.0\",\"spans\":["
            + "{\"spanId\":\"0000000000000077\",\"name\":\"sh\\\"ort<\",\"kind\":\"SPAN_KIND_SERVER\","
            + $"\"startTimeUnixNano\":\"{start}\",\"endTimeUnixNano\":\"{start + 12_500_000}\",\"durationMs\":12.5,"
            + "\"attributes\":{\"a\":200,\"half\":0.5,\"list\":[\"x\",\"y\"],\"z\":true},"
            + $"\"events\":[{{\"name\":\"e\",\"timeUnixNano\":\"{start + 5}\",\"attributes\":{{\"k\":\"v\"}}}}],"
            + "\"links\":[{\"traceId\":\"00000000000000010000000000000002\",\"spanId\":\"0000000000000003\",\"attributes\":{\"l\":4}}],"
            + status + "ERROR\",\"message\":\"boom\"}}]}]},"
            + "{\"serviceName\":\"other\",\"scopes\":[{\"spans\":[{\"spanId\":\"0000000000000078\",\"name\":\"n\",\"parentSpanId\":\"0000000000000077\","
            + $"\"startTimeUnixNano\":\"{childStart}\",\"endTimeUnixNano\":\"{childStart}\"," + status
            + "UNSET\",\"message\":\"\"}}]}]}]},\"metrics\":{}}";
        Assert.Equal(expected, Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("match_depth=x", "invalid match_depth: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("match_depth=-2", "invalid match_depth: must be at least -1")]
    [InlineData("ancestor_depth=-2", "invalid ancestor_depth: must be at least -1")]
    [InlineData("keep_hierarchy=maybe", "invalid keep_hierarchy: strconv.ParseBool: parsing \"maybe\": invalid syntax")]
    [InlineData("q={", "invalid TraceQL filter: parse error at line 1, col 2: syntax error: unexpected $end")]
    [InlineData("q={} | count() > 1", "invalid TraceQL filter: one spanset filter { } is expected")]
    [InlineData("q={} %26%26 {}", "invalid TraceQL filter: one spanset filter { } is expected")]
    [InlineData("q={} | rate()", "invalid TraceQL filter: one spanset filter { } is expected")]
    public void FilterErrors(string query, string expected)
    {
        string error;
        try
        {
            Assert.False(TraceByIdParameters.TryParseFilter(new QueryCollection(QueryHelpers.ParseQuery(query)), out _, out error));
        }
        catch (QueryException e)
        {
            Assert.Equal(QueryErrorKind.BadRequest, e.Kind);
            error = e.Message;
        }

        Assert.Equal(expected, error);
    }

    private static async Task<byte[]> WriteAsync(TestSpan[] spans, Func<TraceByIdBody, ArrayBufferWriter<byte>, bool> write)
    {
        using var body = new TraceByIdBody(await TestTraces.FindAsync(spans), 0);
        var output = new ArrayBufferWriter<byte>();
        while (write(body, output)) ;
        return output.WrittenSpan.ToArray();
    }
}
