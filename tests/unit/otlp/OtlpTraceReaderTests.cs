using Google.Protobuf;
using Tempo.Engine.Otlp;
using Tempo.Otlp.Tests.Oracle;
using Xunit;

namespace Tempo.Otlp.Tests;

public sealed class OtlpTraceReaderTests
{
    private static readonly MessageParser<TracesData> _oracle = TracesData.Parser.WithDiscardUnknownFields(true);

    [Fact]
    public void What_another_protobuf_writes_is_pushed_whole()
    {
        var traces = new RandomTraces(seed: 1);
        for (var round = 0; round < 300; round++)
        {
            var data = traces.Next();
            Assert.Equal(RebuildingSink.Normalize(data), Rebuild(data.ToByteArray()));
        }
    }

    [Fact]
    public void Any_legal_order_repetition_and_unknown_field_reads_as_the_oracle_reads_it()
    {
        var traces = new RandomTraces(seed: 2);
        var shuffler = new WireShuffler(seed: 3);
        for (var round = 0; round < 300; round++)
        {
            var bytes = shuffler.Shuffle(traces.Next());
            Assert.Equal(RebuildingSink.Normalize(_oracle.ParseFrom(bytes)), Rebuild(bytes));
        }
    }

    [Fact]
    public void A_truncated_request_is_refused_exactly_where_the_oracle_refuses_it()
    {
        var traces = new RandomTraces(seed: 4);
        var shuffler = new WireShuffler(seed: 5);
        for (var round = 0; round < 20; round++)
        {
            var bytes = shuffler.Shuffle(traces.Next());
            for (var length = 0; length < bytes.Length; length++)
            {
                var sink = new OtlpRequestSummary();
                var isRead = OtlpTraceReader.TryRead(bytes.AsSpan(0, length), ref sink, out var error);
                Assert.Equal(OracleReads(bytes.AsSpan(0, length)), isRead);
                Assert.Equal(isRead ? OtlpErrorKind.None : OtlpErrorKind.Truncated, error.Kind);
                Assert.InRange(error.Offset, 0, length);
            }
        }
    }

    [Fact]
    public void Damaged_bytes_that_are_read_are_read_as_the_oracle_reads_them()
    {
        var traces = new RandomTraces(seed: 6);
        var random = new Random(7);
        var readCount = 0;
        for (var round = 0; round < 5_000; round++)
        {
            var bytes = traces.Next().ToByteArray();
            if (bytes.Length == 0) continue;
            for (var damages = random.Next(1, 4); damages > 0; damages--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var sink = new RebuildingSink();
            if (!OtlpTraceReader.TryRead(bytes, ref sink, out _)) continue;
            readCount++;
            Assert.Equal(RebuildingSink.Normalize(_oracle.ParseFrom(bytes)), sink.Data);
        }

        Assert.True(readCount > 500, $"only {readCount} damaged requests were readable: the test has lost its point");
    }

    [Fact]
    public void The_place_of_a_span_in_the_request_is_told()
    {
        var data = new RandomTraces(seed: 8).Next();
        while (data.ResourceSpans.Sum(resource => resource.ScopeSpans.Sum(scope => scope.Spans.Count)) < 3)
            data.MergeFrom(new RandomTraces(9).Next());
        var sink = new SpanPlaces();
        var bytes = data.ToByteArray();
        Assert.True(OtlpTraceReader.TryRead(bytes, ref sink, out _));

        var spans = data.ResourceSpans.SelectMany(resource => resource.ScopeSpans).SelectMany(scope => scope.Spans);
        Assert.Equal(spans, sink.Ranges.Select(range => Span.Parser.ParseFrom(bytes[range])));
    }

    [Theory]
    [InlineData("0A 08 12 06 12 04 08 01 0A 00", "field 1 at byte 6 has the wrong wire type 0")] // trace id as varint
    [InlineData("0A 07 12 05 12 03 3A 01 00", "field 7 at byte 6 has the wrong wire type 2")] // start time as bytes
    [InlineData("0D 00 00 00 00", "field 1 at byte 0 has the wrong wire type 5")]
    [InlineData("0A 02 08 01", "field 1 at byte 2 has the wrong wire type 0")] // resource as varint
    [InlineData("0A 06 0A 04 0A 02 08 01", "field 1 at byte 6 has the wrong wire type 0")] // key of a resource attribute as varint
    [InlineData("0A FF 02 00", "truncated message at byte 3: length 383, 1 left")]
    [InlineData("0A FF FF FF FF FF FF FF FF FF 01", "truncated message at byte 11: length 18446744073709551615, 0 left")]
    [InlineData("0A FF FF FF FF FF FF FF FF FF FF 01", "varint at byte 1 is longer than 10 bytes")]
    [InlineData("02 00", "illegal field number 0 at byte 0: must be 1 to 536870911")]
    [InlineData("82 80 80 80 10 00", "illegal field number 536870912 at byte 0: must be 1 to 536870911")]
    [InlineData("16", "illegal wire type 6 at byte 0")]
    [InlineData("17", "illegal wire type 7 at byte 0")]
    [InlineData("14", "end of group 2 at byte 0 does not match its start")]
    [InlineData("13 1C", "end of group 3 at byte 1 does not match its start")]
    [InlineData("13 08", "truncated message at byte 2: length 1, 0 left")]
    [InlineData("13", "truncated message at byte 1: length 1, 0 left")]
    public void What_is_wrong_is_said_with_its_place(string hex, string message)
    {
        var sink = new OtlpRequestSummary();
        Assert.False(OtlpTraceReader.TryRead(Bytes(hex), ref sink, out var error));
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void An_error_in_a_repeated_resource_is_reported_where_it_lies()
    {
        // Two resources; the second one's attribute has its key as a varint.
        var sink = new OtlpRequestSummary();
        Assert.False(OtlpTraceReader.TryRead(Bytes("0A 08 0A 00 0A 04 0A 02 08 01"), ref sink, out var error));
        Assert.Equal("field 1 at byte 8 has the wrong wire type 0", error.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0A 00")]
    [InlineData("0A 02 12 00")]
    public void An_empty_request_is_sound_and_has_no_spans(string hex)
    {
        var summary = new OtlpRequestSummary();
        Assert.True(OtlpTraceReader.TryRead(Bytes(hex), ref summary, out _));
        Assert.Equal(0, summary.SpanCount);
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    [InlineData(1_000_000, false)]
    public void Unknown_groups_are_skipped_to_a_depth_of_one_hundred(int depth, bool isRead)
    {
        var bytes = new byte[depth * 2];
        bytes.AsSpan(0, depth).Fill(0x13);
        bytes.AsSpan(depth).Fill(0x14);
        var summary = new OtlpRequestSummary();
        Assert.Equal(isRead, OtlpTraceReader.TryRead(bytes, ref summary, out var error));
        Assert.Equal(isRead ? OtlpErrorKind.None : OtlpErrorKind.GroupTooDeep, error.Kind);
    }

    [Theory]
    [InlineData(32, 0)]
    [InlineData(33, 1)]
    [InlineData(300, 1)]
    public void A_value_nested_too_deep_is_marked_and_the_rest_is_read(int depth, int tooDeepCount)
    {
        var value = new AnyValue { StringValue = "leaf" };
        for (var level = 1; level < depth; level++) value = level % 2 == 0 ? InArray(value) : InList(value);
        var data = WithAttribute(value);
        var summary = new OtlpRequestSummary();
        Assert.True(OtlpTraceReader.TryRead(data.ToByteArray(), ref summary, out _));
        Assert.Equal((2, tooDeepCount), (summary.AttributeCount, summary.TooDeepAttributeCount));
    }

    [Fact]
    public void A_declined_resource_is_announced_without_its_attributes()
    {
        var data = WithAttribute(new AnyValue { IntValue = 1 });
        data.ResourceSpans[0].Resource = new Resource { DroppedAttributesCount = 7 };
        data.ResourceSpans[0].Resource.Attributes.Add(new KeyValue { Key = "a" });
        var sink = new DecliningSink();
        Assert.True(OtlpTraceReader.TryRead(data.ToByteArray(), ref sink, out _));
        Assert.Equal((7u, 2), (sink.DroppedAttributesCount, sink.AttributeCount));
    }

    [Fact]
    public void Ids_are_judged_by_the_summary()
    {
        var data = new TracesData { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans() } } } };
        var spans = data.ResourceSpans[0].ScopeSpans[0].Spans;
        var good = ByteString.CopyFrom([1, 2, 3, 4, 5, 6, 7, 8]);
        var goodTrace = ByteString.CopyFrom([.. good, .. good]);
        spans.Add(new Span { TraceId = goodTrace, SpanId = good });
        spans.Add(new Span { TraceId = goodTrace, SpanId = good, ParentSpanId = good });
        spans.Add(new Span { TraceId = good, SpanId = good });
        spans.Add(new Span { TraceId = ByteString.CopyFrom(new byte[16]), SpanId = good });
        spans.Add(new Span { SpanId = ByteString.Empty });
        spans.Add(new Span { TraceId = goodTrace, SpanId = goodTrace });
        spans.Add(new Span { TraceId = goodTrace, SpanId = ByteString.CopyFrom(new byte[8]) });
        spans.Add(new Span { TraceId = goodTrace, SpanId = good, ParentSpanId = goodTrace });
        var summary = new OtlpRequestSummary();
        Assert.True(OtlpTraceReader.TryRead(data.ToByteArray(), ref summary, out _));
        Assert.Equal((8, 3, 3), (summary.SpanCount, summary.InvalidTraceIdCount, summary.InvalidSpanIdCount));
    }

    private static TracesData Rebuild(byte[] bytes)
    {
        var sink = new RebuildingSink();
        Assert.True(OtlpTraceReader.TryRead(bytes, ref sink, out var error), error.Message);
        return sink.Data;
    }

    private static bool OracleReads(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _oracle.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    private static AnyValue InArray(AnyValue value) => new() { ArrayValue = new ArrayValue { Values = { value } } };

    private static AnyValue InList(AnyValue value) =>
        new() { KvlistValue = new KeyValueList { Values = { new KeyValue { Key = "k", Value = value } } } };

    private static TracesData WithAttribute(AnyValue value)
    {
        var span = new Span { Attributes = { new KeyValue { Key = "a", Value = value }, new KeyValue { Key = "b" } } };
        return new TracesData { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { span } } } } } };
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
