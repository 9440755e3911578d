using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>A trace that is too large for a row is divided, however its spans are spread over batches; no other is.</summary>
public sealed class TracePartsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 5)]
    [InlineData(4, 9)]
    public void A_trace_is_divided_if_all_of_it_together_is_too_large(int seed, int batchCount)
    {
        const int limit = 30;
        var random = new Random(seed);
        var sizes = Enumerable.Range(1, 60).ToDictionary(static i => new TraceId(7, (ulong)i), _ => random.Next(1, 3 * limit));
        var requests = Enumerable.Range(0, batchCount).Select(static _ => new List<byte[]>()).ToArray();
        ulong next = 1;
        foreach (var (trace, spans) in sizes)
            for (var i = 0; i < spans; i++)
                // Evenly, or at random: a little more than an nth in one batch, or much in few.
                requests[trace.Low % 2 == 0 ? i % batchCount : random.Next(batchCount)].Add(
                    Spans.Request(Spans.Of("s", "l", Spans.New(next++, trace: trace))));
        LiveBatchView[] batches = [.. requests.Select(static some => Spans.View(Spans.Append([.. some])))];
        var parts = TraceParts.Plan(batches, new RowLimits(limit, long.MaxValue));
        var found = sizes.Keys.ToDictionary(static trace => trace, static _ => new List<int>());
        for (var part = 0; part < parts.Count; part++) parts.ForEach(part, trace => found[trace.Id].Add(trace.SpanCount));
        foreach (var (trace, spans) in sizes)
        {
            Assert.Equal(spans, found[trace].Sum());
            Assert.Equal((spans + limit - 1) / limit, found[trace].Count);
            Assert.All(found[trace], static count => Assert.InRange(count, 1, limit));
        }
    }
}
