using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;

namespace Tempo.Storage.Tests.Write;

/// <summary>Writers are used again, and nobody can tell from what they write.</summary>
public sealed class BlockWriterPoolTests
{
    private static readonly BlockWriterOptions Cut = new() { PageSpans = 40, ZstdLevel = 3, DedicatedColumns = TestColumns.Some };
    private static readonly BlockWriterOptions Merge = new() { PageSpans = 25, RowGroupSpans = 60, ZstdLevel = 9, DedicatedColumns = TestColumns.Some };

    [Fact]
    public void One_writer_serves_cuts_and_merges_by_turns()
    {
        var pool = new BlockWriterPool(2);
        BlockWriter? first = null;
        for (var block = 0; block < 6; block++)
        {
            var layout = block % 2 == 0 ? Cut : Merge;
            using var output = new MemoryStream();
            var writer = pool.Rent(output, layout, spillPath: null);
            Assert.Same(first ??= writer, writer);
            Write(writer, seed: block);
            pool.Return(writer);
            using var alone = new MemoryStream();
            using (var another = new BlockWriter(alone, layout)) Write(another, seed: block);
            Assert.Equal(alone.ToArray(), output.ToArray());
        }
    }

    [Fact]
    public void Other_columns_need_another_writer_and_what_is_idle_for_long_goes()
    {
        var pool = new BlockWriterPool(2);
        BlockWriter Use(BlockWriterOptions layout)
        {
            var writer = pool.Rent(Stream.Null, layout, spillPath: null);
            pool.Return(writer);
            return writer;
        }

        var others = Cut with { DedicatedColumns = TestColumns.Others };
        var (some, other) = (Use(Cut), Use(others));
        Assert.NotSame(some, other);
        Assert.Same(some, Use(Merge));
        for (var block = 0; block < 10; block++) Assert.Same(other, Use(others));
        Assert.NotSame(some, Use(Cut));
    }

    private static void Write(BlockWriter writer, int seed)
    {
        var requests = new RandomRequests(seed, traceCount: 30);
        var live = new LiveSegment(shardCount: 1, maxAttributeBytes: 2048);
        for (var i = 0; i < 60; i++) live.Append(TenantId.Single, requests.Next());
        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        LiveTraces.ForEach(views, writer.Add);
        writer.Finish().Dispose();
    }
}
