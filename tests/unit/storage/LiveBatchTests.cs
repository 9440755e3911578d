using System.Text;
using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

public sealed class LiveBatchTests
{
    [Theory]
    [InlineData("abcdé", 5, "abcd")]
    [InlineData("abcdé", 6, "abcdé")]
    [InlineData("abc🚀", 6, "abc")]
    [InlineData("🚀🚀", 3, "")]
    [InlineData("abcdef", 4, "abcd")]
    public void A_long_text_is_cut_before_the_character_that_does_not_fit(string text, int limit, string expected)
    {
        var span = Spans.New(1);
        span.Attributes.Add(Spans.Text(text, text));
        var batch = new LiveBatch();
        var result = batch.Append(Spans.Request(Spans.Of("", "", span)), limit);
        var attributes = batch.Columns.SpanAttributes;
        Assert.Equal(expected, Encoding.UTF8.GetString(attributes.Key(0)));
        Assert.Equal(expected, Encoding.UTF8.GetString(attributes.String(0)));
        // service.name is longer than the limit, too.
        Assert.Equal(text == expected ? 0 : 2, result.Truncated.Total);
    }

    [Fact]
    public void Continuation_bytes_without_an_end_are_cut_at_the_limit_and_repaired()
    {
        var span = Spans.New(1);
        span.Attributes.Add(Spans.Text("k", new string('#', 100)));
        var request = Spans.Request(Spans.Of("", "", span));
        request.AsSpan().Replace((byte)'#', (byte)0x80);
        var batch = new LiveBatch();
        batch.Append(request, 10);
        Assert.Equal(new string('\uFFFD', 10), Encoding.UTF8.GetString(batch.Columns.SpanAttributes.String(0)));
    }

    /// <summary>The message of a bytes value may be, byte for byte, a text that is not UTF-8.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_text_with_the_bytes_of_a_raw_value_is_repaired_all_the_same(bool rawFirst)
    {
        var bytes = new KeyValue { Key = "b", Value = new AnyValue { BytesValue = ByteString.CopyFrom(0xFF) } };
        byte[] message = [0x3a, 0x01, 0xff];
        Assert.Equal(message, bytes.Value.ToByteArray());
        var batch = new LiveBatch();
        for (var round = 0; round < 100; round++)
        {
            var span = Spans.New((ulong)round + 1);
            var text = Spans.Text("t", "###");
            span.Attributes.Add(rawFirst ? [bytes, text] : [text, bytes]);
            var request = Spans.Request(Spans.Of("s", "l", span));
            message.CopyTo(request.AsSpan(request.AsSpan().IndexOf("###"u8)));
            batch.Append(request, 2048);
        }

        var attributes = batch.Columns.SpanAttributes;
        var (raw, repaired) = rawFirst ? (0, 1) : (1, 0);
        for (var i = 0; i < 200; i += 2)
        {
            Assert.Equal((AttributeType.AnyValue, AttributeType.String), (attributes.Types[i + raw], attributes.Types[i + repaired]));
            Assert.Equal(message, attributes.String(i + raw).ToArray());
            Assert.Equal(":\u0001\uFFFD", Encoding.UTF8.GetString(attributes.String(i + repaired)));
            Assert.Equal((attributes.Bits[raw], attributes.Bits[repaired]), (attributes.Bits[i + raw], attributes.Bits[i + repaired]));
        }
    }

    /// <summary>Columns that are shared while they hold nothing: the first value is one batch's alone, and stays its span's.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(LiveBatch.TargetSpanCount - 1)]
    [InlineData(20_000)]
    public void Trace_state_and_dropped_counts_come_late_and_go_nowhere_else(int spansBefore)
    {
        const int After = 30;
        byte[] Plain(int count, ulong first) =>
            Spans.Request(Spans.Of("s", "l", [.. Enumerable.Range(0, count).Select(i => Spans.New(first + (ulong)i))]));
        var rare = Spans.New(1_000_000);
        (rare.TraceState, rare.DroppedAttributesCount, rare.DroppedEventsCount, rare.DroppedLinksCount) = ("a=b", 1, 2, 3);
        var (batch, other) = (new LiveBatch(), Spans.Append(Plain(100, 1)));
        foreach (var request in (byte[][])[Plain(spansBefore, 1), Spans.Request(Spans.Of("s", "l", rare)), Plain(After, 500_000)])
            batch.Append(request, 2048);

        var columns = batch.Columns;
        Assert.Equal(spansBefore + 1 + After, columns.SpanCount);
        for (var span = 0; span < columns.SpanCount; span++)
        {
            var isRare = span == spansBefore;
            Assert.Equal(isRare ? "a=b" : "", Encoding.UTF8.GetString(columns.TraceState[span]));
            Assert.Equal(isRare ? (1U, 2U, 3U) : (0U, 0U, 0U),
                (columns.DroppedAttributes[span], columns.DroppedEvents[span], columns.DroppedLinks[span]));
        }

        for (var span = 0; span < 100; span++)
            Assert.Equal((0, 0U, 0U, 0U), (other.Columns.TraceState.Codes[span], other.Columns.DroppedAttributes[span],
                other.Columns.DroppedEvents[span], other.Columns.DroppedLinks[span]));

        batch.Clear();
        batch.Append(Plain(spansBefore + 1, 1), 2048);
        Assert.Equal((0, 0U), (columns.TraceState.Codes[spansBefore], columns.DroppedLinks[spansBefore]));
    }

    [Fact]
    public void Many_raw_values_keep_their_codes()
    {
        var table = new InternTable();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 1000; i++)
            {
                byte[] raw = [0xff, (byte)i, (byte)(i >> 8)];
                var code = table.InternRaw(raw);
                Assert.Equal(i + 1, code);
                Assert.Equal(raw, table[code].ToArray());
                Assert.Equal(-1, table.TryFind(raw));
            }
        }

        Assert.Equal(1001, table.Count);
        table.Clear();
        Assert.Equal(1, table.InternRaw([0xfe]));
        Assert.Equal(2, table.InternRaw("text"u8));
        Assert.Equal(2, table.InternText("text"u8));
    }

    [Fact]
    public void Nothing_of_an_invalid_span_stays_behind()
    {
        var bad = Rich(2);
        bad.SpanId = ByteString.CopyFrom(1, 2, 3);
        var both = Spans.Append(Spans.Request(Spans.Of("s", "l", Rich(1), bad, Rich(3))));
        var sound = Spans.Append(Spans.Request(Spans.Of("s", "l", Rich(1), Rich(3))));
        Assert.Equal(2, both.Columns.SpanCount);
        Assert.Equal(Text(sound), Text(both));
    }

    /// <summary>
    /// A reader beside the writer sees whole requests, each span with its own name, attribute, event and place in its trace.
    /// </summary>
    [Fact]
    public async Task A_reader_sees_only_finished_requests_while_a_writer_appends()
    {
        const int Requests = 3_000, SpansPerRequest = 7;
        var batch = new LiveBatch();
        var requests = Enumerable.Range(0, Requests)
            .Select(r => Spans.Request(
                Spans.Of("service" + r % 50, "scope" + r % 3,
                    [.. Enumerable.Range(0, SpansPerRequest).Select(s => Rich((ulong)(r * SpansPerRequest + s + 1)))])))
            .ToArray();
        var writer = Task.Run(() =>
        {
            foreach (var request in requests) batch.Append(request, 2048);
        });

        var random = new Random(1);
        var spans = new List<int>();
        for (var last = 0; last < Requests * SpansPerRequest;)
        {
            if (writer.IsFaulted) break;
            last = batch.Columns.Snapshot();
            Assert.Equal(0, last % SpansPerRequest);
            if (last == 0) continue;
            for (var i = 0; i < 20; i++) AssertWhole(batch.Columns, random.Next(last));
            AssertWhole(batch.Columns, last - 1);
            spans.Clear();
            batch.CollectTrace(TraceOf(batch.Columns.SpanId[last - 1]), last, spans);
            Assert.Equal(last - 1, spans[0]);
            Assert.Equal(Enumerable.Range(0, last).Count(span => batch.Columns.SpanId[span] % 100 == batch.Columns.SpanId[last - 1] % 100),
                spans.Count);
        }

        await writer;
    }

    [Fact]
    public void A_batch_is_closed_by_spans_or_by_bytes()
    {
        var bySpans = new LiveBatch();
        var many =
            Spans.Request(Spans.Of("s", "l", [.. Enumerable.Range(1, LiveBatch.TargetSpanCount).Select(static i => Spans.New((ulong)i))]));
        Assert.False(bySpans.IsClosed);
        bySpans.Append(many, 2048);
        Assert.True(bySpans.IsClosed);

        var byBytes = new LiveBatch();
        var large = Spans.Request(Spans.Of(new string('x', 8 << 20), "l", Spans.New(1)));
        for (var i = 1; i <= 8; i++)
        {
            Assert.False(byBytes.IsClosed);
            byBytes.Append(large, 2048);
        }

        Assert.True(byBytes.IsClosed);
    }

    [Fact]
    public void After_a_failed_append_a_batch_is_closed_and_shows_only_what_was_there_before()
    {
        var batch = Spans.Append(Spans.Request(Spans.Of("s", "l", Rich(1))));
        var sound = Spans.Request(Spans.Of("t", "l", Rich(2)));
        Assert.Throws<InvalidOperationException>(() => batch.Append([.. sound, 0x0A, 0x7F], 2048));
        Assert.True(batch.IsClosed);
        Assert.Equal(1, batch.Columns.Snapshot());
        var spans = new List<int>();
        batch.CollectTrace(TraceOf(1), batch.Columns.Snapshot(), spans);
        Assert.Equal([0], spans);
    }

    private static TraceId TraceOf(ulong id) => new(1, id % 100 + 1);

    private static Span Rich(ulong id)
    {
        var span = Spans.New(id, trace: TraceOf(id));
        span.Attributes.Add(Spans.Text("name", span.Name));
        span.Events.Add(new Event { Name = span.Name, TimeUnixNano = id, Attributes = { Spans.Text("of", span.Name) } });
        span.Links.Add(new Link { TraceId = span.TraceId, SpanId = span.SpanId, Attributes = { Spans.Text("of", span.Name) } });
        return span;
    }

    private static void AssertWhole(SpanBatch b, int span)
    {
        var name = b.SpanId[span].ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(TraceOf(b.SpanId[span]), b.TraceIds[b.Trace[span]]);
        Assert.Equal(name, Encoding.UTF8.GetString(b.Name[span]));
        Assert.Equal(1, b.AttributeStart[span + 1] - b.AttributeStart[span]);
        Assert.Equal(name, Encoding.UTF8.GetString(b.SpanAttributes.String(b.AttributeStart[span])));
        Assert.Equal(b.SpanId[span], b.StartUnixNano[span] + b.Events.TimeSinceStartNano[b.EventStart[span]]);
        Assert.Equal(name, Encoding.UTF8.GetString(b.Events.Attributes.String(b.Events.AttributeStart[b.EventStart[span]])));
        Assert.Equal(b.SpanId[span], b.Links.SpanId[b.LinkStart[span]]);
        Assert.StartsWith("service", Encoding.UTF8.GetString(b.Resources.ServiceName[b.Resource[span]]), StringComparison.Ordinal);
    }

    private static string[] Text(LiveBatch batch)
    {
        var all = new List<string>();
        using var buffer = new NativeBuffer();
        LiveTraces.ForEach([Spans.View(batch)], trace =>
        {
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            all.AddRange(TraceModel.Describe(buffer.Written));
        });
        return [.. all];
    }
}
