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
            .Select(r => Spans.Request(Spans.Of("service" + r % 50, "scope" + r % 3, [.. Enumerable.Range(0, SpansPerRequest).Select(s => Rich((ulong)(r * SpansPerRequest + s + 1)))])))
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
            Assert.Equal(Enumerable.Range(0, last).Count(span => batch.Columns.SpanId[span] % 100 == batch.Columns.SpanId[last - 1] % 100), spans.Count);
        }

        await writer;
    }

    [Fact]
    public void A_batch_is_closed_by_spans_or_by_bytes()
    {
        var bySpans = new LiveBatch();
        var many = Spans.Request(Spans.Of("s", "l", [.. Enumerable.Range(1, LiveBatch.TargetSpanCount).Select(static i => Spans.New((ulong)i))]));
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
