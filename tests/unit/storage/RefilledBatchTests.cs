using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>A batch that is filled again and again, as a merge does, holds what a new one would, and takes no new memory.</summary>
public sealed class RefilledBatchTests
{
    [Fact]
    public void A_refilled_batch_holds_what_a_new_one_holds()
    {
        MemoryBlock[] written = [Write(11, TestColumns.Some), Write(12, TestColumns.Others), Write(13, DedicatedColumns.None)];
        BlockReader[] blocks = [.. written.Select(static block => block.Open())];
        var random = new Random(5);
        var refilled = new SpanBatch();
        var rows = blocks[0].OpenRowGroup(0);
        for (var i = 0; i < 300; i++)
        {
            if (random.Next(3) == 0)
            {
                var block = blocks[random.Next(blocks.Length)];
                rows = block.OpenRowGroup(random.Next(block.RowGroupCount));
            }

            var start = random.Next((int)rows.RowCount);
            var count = random.Next(1, (int)rows.RowCount - start + 1);
            rows.ReadInto(refilled, start, count, BatchColumns.All);
            Assert.Equal(Describe(rows.Read(start, count, BatchColumns.All)), Describe(refilled));
        }

        foreach (var block in blocks) block.Dispose();
    }

    /// <summary>
    /// What is left is some KiB for each page (readers of the pages' bytes), where the columns of a page of 1,000 spans
    /// are several hundred.
    /// </summary>
    [Fact]
    public void Refilling_takes_no_new_columns()
    {
        using var block = Write(21, TestColumns.Some, requests: 2000, pageSpans: 1000, rowGroupSpans: 1_000_000).Open();
        var rows = block.OpenRowGroup(0);
        var ranges = rows.ScanRanges();
        Assert.True(ranges.Count >= 4, $"{ranges.Count} pages");
        var batch = new SpanBatch();
        long Fill()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var (start, count) in ranges) rows.ReadInto(batch, start, count, BatchColumns.All);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Fill();
        var refills = Fill() / ranges.Count;
        Assert.True(refills < 64 * 1024, $"{refills} bytes a page");
    }

    private static MemoryBlock Write(int seed, DedicatedColumns columns, int requests = 120, int pageSpans = 20, int rowGroupSpans = 100)
    {
        var random = new RandomRequests(seed, traceCount: requests / 2);
        var batch = new LiveBatch();
        for (var i = 0; i < requests; i++) batch.Append(random.Next(), 64);
        return MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = pageSpans, RowGroupSpans = rowGroupSpans, DedicatedColumns = columns },
            [Spans.View(batch)]);
    }

    private static List<string> Describe(SpanBatch batch)
    {
        var traces = new List<string> { $"{batch.TraceCount} traces, {batch.Snapshot()} spans" };
        var context = new SpanContext();
        var number = context.Add(batch);
        var trace = new OrderedTrace(context);
        using var buffer = new NativeBuffer();
        for (int row = 0, span = 0; row < batch.TraceCount; row++)
        {
            trace.Begin(batch.TraceIds[row]);
            for (; span < batch.SpanCount && batch.Trace[span] == row; span++) trace.Add(new SpanRef(number, span));
            trace.Complete();
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            traces.Add($"{trace.Id} {batch.TraceStart[row]} {batch.TraceEnd[row]} {Convert.ToHexString(buffer.Written)}");
        }

        return traces;
    }
}
