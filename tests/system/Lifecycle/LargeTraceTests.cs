using System.Buffers.Binary;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>Requests and traces that a block could not hold as they are must not keep everything else from becoming blocks.</summary>
public sealed class LargeTraceTests
{
    // Field numbers of trace.proto and common.proto.
    private const int SpanAttributes = 9, SpanLinks = 13, KeyValueValue = 2, AnyValueBytes = 7;

    [Fact]
    public async Task A_request_of_too_many_empty_entries_is_refused_for_good_and_leaves_nothing()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var traceId = Spans.NewTraceId();
        var links = new byte[((4 << 20) + 1) * 2];
        for (var i = 0; i < links.Length; i += 2) links[i] = (SpanLinks << 3) | 2;

        var answer = await otlp.PostAsync(Request([.. Span(traceId, 1).ToArray(), .. links]));

        Assert.Equal(400, answer.Status);
        Assert.Contains("4194305 attributes, events and links in one request; the limit is 4194304", Encoding.UTF8.GetString(answer.Body),
            StringComparison.Ordinal);
        Assert.Empty(await tempo.Api.FindTraceAsync(traceId));
        await tempo.Api.FlushAsync();
    }

    [Fact]
    public async Task A_trace_too_large_for_one_row_becomes_several_blocks_and_is_found_whole()
    {
        const int requests = 5;
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var (large, small) = (Spans.NewTraceId(), Spans.NewTrace(3));
        var value = new byte[56 << 20];
        new Random(1).NextBytes(value);
        for (var i = 0; i < requests; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(value, i); // as values of the same bytes would be stored once
            var attribute =
                new ProtobufMessage().String(1, "payload").Message(KeyValueValue, new ProtobufMessage().Bytes(AnyValueBytes, value));
            var answer = await otlp.PostAsync(Request(Span(large, i + 1).Message(SpanAttributes, attribute).ToArray()));
            Assert.True(answer.Status == 200, answer.ToString());
        }

        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(small))).Status);

        await tempo.Api.FlushAsync();

        Assert.InRange(tempo.BlockDataFiles().Length, 2, requests);
        Assert.Equal([(large, requests)], await tempo.Api.SearchAsync("{} | count() > 3"));
        Assert.Equal(small.Length, (await tempo.Api.FindTraceAsync(small[0].TraceId)).Count);
    }

    // Each answer takes several times the trace in columns, which the collector left lying: 7 GB after twenty of them.
    [Fact]
    public async Task A_large_trace_that_is_read_again_and_again_leaves_no_heap_behind()
    {
        const int readings = 15;
        await using var tempo = await TempoProcess.StartAsync();
        var traceId = await SendLargeTraceAsync(tempo);
        await tempo.Api.FlushAsync();
        async Task<double> ReadAsync()
        {
            Assert.Equal(200, (await tempo.Api.AskAsync($"/api/v2/traces/{traceId}", accept: "application/protobuf")).Status);
            return (await tempo.Api.MetricsAsync()).Sum("process_resident_memory_bytes");
        }

        var first = 0.0;
        for (var i = 0; i < 3; i++) first = Math.Max(first, await ReadAsync());
        for (var i = 0; i < readings; i++) Assert.InRange(await ReadAsync() - first, double.MinValue, 1 << 30);
    }

    // 200,000 spans and 80 MB as OTLP; whole in columns it takes 290 MiB. From blocks, read by a process that has done nothing else.
    [Fact]
    public async Task A_large_trace_is_read_while_it_is_sent_and_takes_memory_for_a_part_of_it()
    {
        const long mostGrowthBytes = 160 << 20;
        await using var tempo = await TempoProcess.StartAsync();
        var traceId = await SendLargeTraceAsync(tempo);
        await tempo.Api.FlushAsync();
        await tempo.KillAsync();
        await tempo.StartAsync();
        await tempo.Api.SearchAsync("{ name = `nothing` }");
        var before = StatusBytes(tempo.ProcessId, "VmRSS:");
        using var client = new HttpClient();
        foreach (var path in (string[])["api/traces", "api/v2/traces"])
        {
            foreach (var accept in (string[])["application/protobuf", "application/json"])
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{tempo.ApiAddress}/{path}/{traceId}");
                request.Headers.Accept.ParseAdd(accept);
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                Assert.Equal(200, (int)response.StatusCode);
                var spans = await CountAsync(await response.Content.ReadAsStreamAsync(), "unique-"u8.ToArray());
                Assert.Equal(LargeTraceSpans, spans);
                Assert.InRange(StatusBytes(tempo.ProcessId, "VmHWM:") - before, 0, mostGrowthBytes);
            }
        }
    }

    // Version 1 is sent while it is written only where no limit can turn it into an error; version 2 has it in a field, or in several.
    [Theory]
    [InlineData(0)]
    [InlineData(100_000_000)]
    public async Task A_large_trace_is_the_same_whether_it_is_held_back_or_not(int maxBytes)
    {
        var overrides =
            new TempoSettings().Overrides.Replace("max_bytes_per_trace: 0", $"max_bytes_per_trace: {maxBytes}", StringComparison.Ordinal);
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { Overrides = overrides });
        var traceId = await SendLargeTraceAsync(tempo, 16_000);
        for (var from = 0; from < 2; from++)
        {
            var v1 = await tempo.Api.AskAsync($"/api/traces/{traceId}", accept: "application/protobuf");
            var v2 = await tempo.Api.AskAsync($"/api/v2/traces/{traceId}", accept: "application/protobuf");
            Assert.Equal((200, 200), (v1.Status, v2.Status));
            Assert.Equal(16_000, v1.Body.AsSpan().Count("unique-"u8));
            Assert.Equal(16_000, v2.Body.AsSpan().Count("unique-"u8));
            await tempo.Api.FlushAsync();
        }
    }

    private const int LargeTraceSpans = 200_000;

    private static async Task<string> SendLargeTraceAsync(TempoProcess tempo, int count = LargeTraceSpans)
    {
        const int requests = 8;
        var spans = count / requests;
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var traceId = Spans.NewTraceId();
        for (var i = 0; i < requests; i++)
        {
            var all = new ProtobufMessage();
            for (var k = 0; k < spans; k++)
            {
                var attribute = new ProtobufMessage().String(1, "payload")
                    .Message(KeyValueValue, new ProtobufMessage().String(1, $"unique-{i}/{k}/{new string('p', 300)}"));
                all.Bytes(2, Span(traceId, i * spans + k + 1).Message(SpanAttributes, attribute).ToArray());
            }

            Assert.Equal(
                200, (await otlp.PostAsync(new ProtobufMessage().Message(1, new ProtobufMessage().Message(2, all)).ToArray())).Status);
        }

        return traceId;
    }

    // How often the text stands in a stream that is not kept.
    private static async Task<int> CountAsync(Stream stream, byte[] text)
    {
        var (count, kept) = (0, 0);
        var buffer = new byte[1 << 16];
        for (int read; (read = await stream.ReadAsync(buffer.AsMemory(kept))) > 0;)
        {
            var length = kept + read;
            var at = 0;
            for (int next; (next = buffer.AsSpan(at, length - at).IndexOf(text)) >= 0; at += next + text.Length) count++;
            kept = Math.Min(text.Length - 1, length - at);
            buffer.AsSpan(length - kept, kept).CopyTo(buffer);
        }

        return count;
    }

    private static long StatusBytes(int processId, string field)
    {
        var line = File.ReadLines($"/proc/{processId}/status").Single(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line[field.Length..^2].Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private static byte[] Request(byte[] span) =>
        new ProtobufMessage().Message(1, new ProtobufMessage().Message(2, new ProtobufMessage().Bytes(2, span))).ToArray();

    private static ProtobufMessage Span(string traceId, int number)
    {
        var spanId = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(spanId, number);
        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        return new ProtobufMessage().Bytes(1, Convert.FromHexString(traceId)).Bytes(2, spanId).String(5, "large").Fixed64(7, now)
            .Fixed64(8, now + 1000);
    }
}
