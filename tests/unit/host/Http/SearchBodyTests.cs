using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class SearchBodyTests
{
    private static SearchResult OneTrace()
    {
        var span = new SpanResult
        {
            SpanId = SpanId.Read([0x33, 0, 0, 0, 0, 0, 0, 1]),
            Name = "a<b",
            StartTimeUnixNano = 5,
            DurationNanos = 0,
            Attributes = [new("s", ""), new("i", 0L), new("d", 1e21), new("b", false), new("a", new object[] { 1L, 2L })],
        };
        var trace = new TraceSearchResult
        {
            TraceId = new TraceId(0, 0xa1),
            StartTimeUnixNano = 1795221253358980137,
            DurationMs = 1,
            SpanSets = [new SpanSetResult { Spans = [span], Matched = 7, Attributes = [new AttributeResult("by(name)", "x")] }],
            ServiceStats = [new("\"db", 1, 0), new("shop", 2, 1)],
        };
        var result = new SearchResult { Metrics = new SearchMetrics { InspectedBytes = 9, CompletedJobs = 1, TotalJobs = 2 } };
        result.Traces.Add(trace);
        return result;
    }

    private static string Json(SearchResult result, bool hasSpanSets)
    {
        var output = new ArrayBufferWriter<byte>();
        SearchJson.Write(result, hasSpanSets, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    [Fact]
    public void APageSaysHowManyThereAreAndHowToGoOn()
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        SearchJson.Write(new SearchResult { Total = 7, NextCursor = "start:5:1" }, hasSpanSets: true, output);
        SearchJson.Write(new SearchResult { Total = 0 }, hasSpanSets: true, output);
        Assert.Equal(
            "{\"traces\":[],\"metrics\":{},\"total\":\"7\",\"hasMore\":true,\"cursor\":\"start:5:1\"}{\"traces\":[],\"metrics\":{},\"total\":\"0\",\"hasMore\":false}",
            System.Text.Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void JsonOfATraceWithItsSpans()
    {
        const string set = """{"spans":[{"spanID":"3300000000000001","name":"a\u003cb","startTimeUnixNano":"5","attributes":[{"key":"s","value":{"stringValue":""}},{"key":"i","value":{"intValue":"0"}},{"key":"d","value":{"doubleValue":1e+21}},{"key":"b","value":{"boolValue":false}},{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}}]}],"matched":7,"attributes":[{"key":"by(name)","value":{"stringValue":"x"}}]}""";
        Assert.Equal(
            $$$$"""{"traces":[{"traceID":"a1","rootServiceName":"\u003croot span not yet received\u003e","startTimeUnixNano":"1795221253358980137","durationMs":1,"spanSet":{{{{set}}}},"spanSets":[{{{{set}}}}],"serviceStats":{"\"db":{"spanCount":1},"shop":{"spanCount":2,"errorCount":1}}}],"metrics":{"inspectedBytes":"9","completedJobs":1,"totalJobs":2}}""",
            Json(OneTrace(), true));
    }

    [Fact]
    public void JsonWithoutTraceQlHasNoSpans() => Assert.Equal(
        """{"traces":[{"traceID":"a1","rootServiceName":"\u003croot span not yet received\u003e","startTimeUnixNano":"1795221253358980137","durationMs":1}],"metrics":{"inspectedBytes":"9","completedJobs":1,"totalJobs":2}}""",
        Json(OneTrace(), false));

    // As Tempo answers: inspectedTraces only without TraceQL, inspectedSpans never.
    [Fact]
    public void WhatWasInspectedDependsOnTheKindOfSearch()
    {
        var result = new SearchResult { Metrics = new SearchMetrics { InspectedTraces = 3, InspectedBytes = 9, InspectedSpans = 12 } };
        Assert.Equal("""{"traces":[],"metrics":{"inspectedBytes":"9"}}""", Json(result, true));
        Assert.Equal("""{"traces":[],"metrics":{"inspectedTraces":3,"inspectedBytes":"9"}}""", Json(result, false));
        Assert.Equal([0x12, 2, 0x10, 9], Protobuf(result, true));
        Assert.Equal([0x12, 4, 0x08, 3, 0x10, 9], Protobuf(result, false));
    }

    [Fact]
    public void NoHitIsAnEmptyListInJsonAndNothingInProtobuf()
    {
        Assert.Equal("""{"traces":[],"metrics":{}}""", Json(new SearchResult(), true));
        Assert.Equal([0x12, 0], Protobuf(new SearchResult(), true));
    }

    // Field by field from the message definitions.
    [Fact]
    public void ProtobufOfATraceWithItsSpans()
    {
        byte[] id = [0x0a, 16, .. "3300000000000001"u8];
        byte[] attributes =
        [
            0x2a, 7, 0x0a, 1, (byte)'s', 0x12, 2, 0x0a, 0,
            0x2a, 7, 0x0a, 1, (byte)'i', 0x12, 2, 0x18, 0,
            0x2a, 14, 0x0a, 1, (byte)'d', 0x12, 9, 0x21, .. BitConverter.GetBytes(1e21),
            0x2a, 7, 0x0a, 1, (byte)'b', 0x12, 2, 0x10, 0,
            0x2a, 15, 0x0a, 1, (byte)'a', 0x12, 10, 0x2a, 8, 0x0a, 2, 0x18, 1, 0x0a, 2, 0x18, 2,
        ];
        byte[] span = [.. id, 0x12, 3, .. "a<b"u8, 0x18, 5, .. attributes];
        byte[] by = [0x0a, 8, .. "by(name)"u8, 0x12, 3, 0x0a, 1, (byte)'x'];
        byte[] set = [0x0a, (byte)span.Length, .. span, 0x10, 7, 0x1a, (byte)by.Length, .. by];
        Assert.InRange(set.Length, 0, 127);
        var root = Encoding.UTF8.GetBytes(SearchJson.RootNotReceived);
        byte[] trace =
        [
            0x0a, 2, .. "a1"u8, 0x12, (byte)root.Length, .. root, 0x20, .. Varint(1795221253358980137), 0x28, 1,
            0x32, (byte)set.Length, .. set, 0x3a, (byte)set.Length, .. set,
            0x42, 9, 0x0a, 3, .. "\"db"u8, 0x12, 2, 0x08, 1,
            0x42, 12, 0x0a, 4, .. "shop"u8, 0x12, 4, 0x08, 2, 0x10, 1,
        ];
        Assert.Equal([0x0a, .. Varint((ulong)trace.Length), .. trace, 0x12, 6, 0x10, 9, 0x20, 1, 0x28, 2], Protobuf(OneTrace(), true));
    }

    private static byte[] Protobuf(SearchResult result, bool hasSpanSets)
    {
        var output = new ArrayBufferWriter<byte>();
        SearchProtobuf.Write(result, hasSpanSets, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value > 127; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
