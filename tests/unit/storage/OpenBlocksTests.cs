using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;

namespace Tempo.Storage.Tests;

/// <summary>How many blocks stay open.</summary>
public sealed class OpenBlocksTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("tempo-open-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task The_block_that_was_not_used_for_the_longest_time_is_let_go()
    {
        var (_, blocks) = await BlocksAsync(long.MaxValue, 1);
        var each = (await blocks[0].OpenAsync(default)).MemoryBytes;
        Assert.InRange(each, 10_000, 10_000_000);

        (var store, blocks) = await BlocksAsync(each * 2 + each / 2, 3);
        var first = await blocks[0].OpenAsync(default);
        await blocks[1].OpenAsync(default);
        Assert.Same(first, await blocks[0].OpenAsync(default));
        await blocks[2].OpenAsync(default);
        Assert.Equal([true, false, true], blocks.Select(static block => block.OpenReader is not null));
        Assert.Equal(2, store.Open.Count);
        Assert.InRange(store.Open.SizeBytes, 2 * each - 1000, store.Open.MaxBytes);
    }

    [Fact]
    public async Task No_more_stay_open_than_there_may_be_files()
    {
        var (store, blocks) = await BlocksAsync(new OpenBlocks(long.MaxValue, maxCount: 3), 5);
        foreach (var block in blocks) await block.OpenAsync(default);
        Assert.Equal([false, false, true, true, true], blocks.Select(static block => block.OpenReader is not null));
        Assert.Equal(3, blocks.Count(IsHeld));
    }

    [Fact]
    public async Task Bounds_of_pages_that_a_reader_comes_to_keep_count()
    {
        var (store, blocks) = await BlocksAsync(long.MaxValue, 2);
        var readers = new List<BlockReader>();
        foreach (var block in blocks) readers.Add(await block.OpenAsync(default));
        var before = store.Open.SizeBytes;
        var facts = readers[1].OpenRowGroup(0).FactsOf(0, 1);
        _ = facts.Starts;
        var kept = store.Open.SizeBytes - before;
        Assert.InRange(kept, 100, 10_000);
        Assert.Equal(store.Open.SizeBytes, readers.Sum(static reader => reader.MemoryBytes));
        _ = facts.Starts;
        Assert.Equal(before + kept, store.Open.SizeBytes);
        foreach (var block in blocks) block.Close();
        Assert.Equal((0, 0L), (store.Open.Count, store.Open.SizeBytes));

        // With them one block is more than has room: the other one goes.
        (store, blocks) = await BlocksAsync(before + kept / 2, 2);
        foreach (var block in blocks) await block.OpenAsync(default);
        _ = blocks[1].OpenReader!.OpenRowGroup(0).FactsOf(0, 1).Starts;
        Assert.Equal([false, true], blocks.Select(static block => block.OpenReader is not null));
    }

    [Fact]
    public async Task Whoever_reads_a_block_that_is_let_go_reads_on_without_holding_its_file()
    {
        var (store, blocks) = await BlocksAsync(0, 2);
        var reader = await blocks[0].OpenAsync(default);
        Assert.True(IsHeld(blocks[0]));
        var rows = reader.OpenRowGroup(0);
        await blocks[1].OpenAsync(default);
        Assert.Null(blocks[0].OpenReader);
        Assert.False(IsHeld(blocks[0]));
        Assert.Equal(rows.RowCount, rows.Read(0, (int)rows.RowCount, BatchColumns.All).TraceCount);
        Assert.False(IsHeld(blocks[0]));
        Assert.NotSame(reader, await blocks[0].OpenAsync(default));
        Assert.Equal(1, store.Open.Count);
    }

    [Fact]
    public async Task What_queries_unpacked_stays_when_the_block_is_opened_anew_and_goes_when_it_is_closed()
    {
        var (store, blocks) = await BlocksAsync(0, 2);
        Scan(await blocks[0].OpenAsync(default));
        var kept = store.Columns.SizeBytes;
        Assert.True(kept > 0);
        await blocks[1].OpenAsync(default);
        Scan(await blocks[0].OpenAsync(default));
        Assert.Equal(kept, store.Columns.SizeBytes);
        blocks[0].Close();
        Assert.Equal(0, store.Columns.SizeBytes);
        blocks[1].Close();
        Assert.Equal((0, 0L), (store.Open.Count, store.Open.SizeBytes));
    }

    private static void Scan(BlockReader block)
    {
        var batch = new Tempo.Engine.Storage.Scan.SpanBatch();
        var rows = block.OpenRowGroup(0);
        rows.OpenInto(batch, 0, (int)rows.RowCount);
        batch.Require(BatchColumns.Starts | BatchColumns.Name);
    }

    // A descriptor that is listed may be of another test and closed by the time it is looked at: it has no target then.
    private bool IsHeld(BlockHandle block) => Directory.EnumerateFiles("/proc/self/fd").Any(fd =>
        new FileInfo(fd).LinkTarget is { } target && target.Contains(_root, StringComparison.Ordinal)
            && target.Contains(block.Meta.BlockId.ToString(), StringComparison.Ordinal));

    private Task<(BlockStore Store, List<BlockHandle> Blocks)> BlocksAsync(long openBytes, int count) =>
        BlocksAsync(new OpenBlocks(openBytes, int.MaxValue), count);

    private async Task<(BlockStore Store, List<BlockHandle> Blocks)> BlocksAsync(OpenBlocks open, int count)
    {
        var store = new BlockStore(LocalObjectStore.Open(_root + "/objects"), _root + "/work", new BlockStoreOptions { Open = open });
        store.Sweep();
        var blocks = new List<BlockHandle>();
        for (var i = 1; i <= count; i++)
        {
            var spans = Spans.Append(
                Spans.Request(Spans.Of(
                    "s", "l", [.. Enumerable.Range(1, 20).Select(
                        static n => Spans.New((ulong)n, trace: new TraceId((ulong)n, (ulong)n)))])));
            var meta = await store.WriteAsync(
                TenantId.Single, BlockId.Derive(9, (ulong)i), 0, visit => LiveTraces.ForEach([Spans.View(spans)], visit), default);
            blocks.Add(new BlockHandle(meta!, store));
        }

        return (store, blocks);
    }
}
