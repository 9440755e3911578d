using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>
/// Spans that go from one node to another are the same there: as parts of a request on their way in, and as rows of live data for a
/// query. Each random test prints its seed.
/// </summary>
public sealed class PassedOnSpansTests(ITestOutputHelper output)
{
    private const int Rounds = 60;

    [Fact]
    public void Parts_of_a_request_have_each_span_once_with_what_stands_around_it()
    {
        var random = NewRandom();
        for (var round = 0; round < Rounds; round++)
        {
            var requests = new RandomRequests(random.Next(), traceCount: random.Next(1, 12));
            var count = random.Next(1, 6);
            for (var i = 0; i < 5; i++)
            {
                var request = requests.Next();
                var summary = default(OtlpRequestSummary);
                if (!OtlpTraceReader.TryRead(request, ref summary, out _)) continue;
                var parts = Enumerable.Range(0, count).Select(static _ => new NativeBuffer()).ToArray();
                var partition = new ByTrace(count);
                OtlpSpanSplitter.Split(request, ref partition, parts);

                var whole = TracesOf(Batch(request));
                var divided = new Dictionary<TraceId, string>();
                for (var part = 0; part < count; part++)
                    foreach (var (trace, text) in TracesOf(Batch(parts[part].Written.ToArray())))
                    {
                        Assert.Equal(part, new ByTrace(count).PartOf(trace));
                        divided.Add(trace, text);
                    }

                foreach (var left in whole.Keys.Where(trace => new ByTrace(count).PartOf(trace) < 0).ToList()) whole.Remove(left);
                Assert.Equal(whole.OrderBy(static trace => trace.Key), divided.OrderBy(static trace => trace.Key));
                foreach (var part in parts) part.Dispose();
            }
        }
    }

    [Fact]
    public void Rows_of_live_data_are_the_same_rows_where_they_arrive()
    {
        var random = NewRandom();
        for (var round = 0; round < Rounds; round++)
        {
            var requests = new RandomRequests(random.Next(), traceCount: random.Next(1, 12));
            var (source, copy) = (new LiveBatch(), new LiveBatch());
            using var rows = new NativeBuffer();
            for (var i = 0; i < 8; i++)
            {
                Append(source, requests.Next());
                if (random.Next(3) == 0) continue;

                // In pieces, as an answer with a limit sends them.
                var maxBytes = random.Next(4) == 0 ? int.MaxValue : random.Next(1, 4000);
                while (copy.Columns.SpanCount < source.Columns.SpanCount)
                {
                    rows.Clear();
                    var end = OtlpTraceWriter.WriteRows(source.Columns, copy.Columns.SpanCount, source.Columns.SpanCount, maxBytes, rows);
                    copy.Append(rows.Written, int.MaxValue);
                    Assert.Equal(end, copy.Columns.SpanCount);
                }
            }

            var sent = copy.Columns.SpanCount;
            Assert.Equal(Text(source, sent), Text(copy, sent));
        }
    }

    private Random NewRandom()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    private static LiveBatch Batch(byte[] request)
    {
        var batch = new LiveBatch();
        Append(batch, request);
        return batch;
    }

    private static void Append(LiveBatch batch, byte[] request)
    {
        var summary = default(OtlpRequestSummary);
        if (OtlpTraceReader.TryRead(request, ref summary, out _)) batch.Append(request, int.MaxValue);
    }

    private static Dictionary<TraceId, string> TracesOf(LiveBatch batch)
    {
        var traces = new Dictionary<TraceId, string>();
        using var text = new NativeBuffer();
        LiveTraces.ForEach([new LiveBatchView(batch, batch.Columns.SpanCount)], trace =>
        {
            text.Clear();
            OtlpTraceWriter.Write(trace, text);
            traces.Add(trace.Id, Convert.ToHexString(text.Written));
        });
        return traces;
    }

    private static string Text(LiveBatch batch, int spans)
    {
        using var text = new NativeBuffer();
        OtlpTraceWriter.WriteRows(batch.Columns, 0, spans, int.MaxValue, text);
        return Convert.ToHexString(text.Written);
    }

    // The last part goes nowhere.
    private readonly struct ByTrace(int count) : ISpanPartition
    {
        public int PartOf(ReadOnlySpan<byte> span) => OtlpSpanSplitter.TryReadTrace(span, out var trace) ? PartOf(trace) : -1;

        public int PartOf(TraceId trace) => (int)(trace.Mix() % (ulong)(count + 1)) is var part && part < count ? part : -1;
    }
}
