using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

public sealed class LentPageTests
{
    [Fact]
    public void What_is_lent_survives_a_vParquet3_page_in_the_same_batch()
    {
        var requests = new RandomRequests(seed: 11, traceCount: 60);
        var live = new LiveBatch();
        for (var i = 0; i < 120; i++) live.Append(requests.Next(), 64);
        var ours = MemoryBlock.Write(new BlockWriterOptions(), [Spans.View(live)]);
        var cache = new ColumnCache(16 << 20);
        using var own = new BlockReader(
            ours.Meta(), new Tempo.Engine.Parquet.MemoryParquetSource(ours.Data), [], [.. ours.Content.LastIds])
        { Cache = cache };
        var traces = ForeignTraces.Random("vParquet3", 1, traceCount: 20, requestCount: 25);
        using var theirs = ForeignBlock.Write("vParquet3", traces, TestColumns.Some, ForeignStyle.All[0], 1, rowsPerGroup: 7).Open();

        var batch = new SpanBatch();
        var rows = own.OpenRowGroup(0);
        var (start, count) = rows.ScanRanges()[0];
        rows.OpenInto(batch, start, count);
        batch.Require(BatchColumns.Starts); // kept
        rows.OpenInto(batch, start, count);
        batch.Require(BatchColumns.Starts); // lent
        var ids = batch.TraceIds.AsSpan(0, batch.TraceCount).ToArray();
        var starts = batch.StartUnixNano.AsSpan(0, batch.SpanCount).ToArray();
        theirs.OpenRowGroup(0).OpenInto(batch, 0, 7); // the same memory goes to a page of an old block

        var other = new SpanBatch();
        rows.OpenInto(other, start, count);
        other.Require(BatchColumns.Starts);
        Assert.Equal(ids, other.TraceIds.AsSpan(0, other.TraceCount).ToArray());
        Assert.Equal(starts, other.StartUnixNano.AsSpan(0, other.SpanCount).ToArray());
    }
}
