using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;

namespace Tempo.Storage.Tests.Write;

/// <summary>Blocks take turns in the same memory, and nobody can tell from what is written.</summary>
public sealed class RowGroupMemoryPoolTests
{
    private static readonly BlockWriterOptions Cut = new() { PageSpans = 40, ZstdLevel = 3, DedicatedColumns = TestColumns.Some };
    private static readonly BlockWriterOptions Merge =
        new() { PageSpans = 25, RowGroupSpans = 60, ZstdLevel = 9, DedicatedColumns = TestColumns.Some };

    [Fact]
    public async Task One_memory_serves_cuts_and_merges_by_turns()
    {
        var pool = new RowGroupMemoryPool(2);
        RowGroupMemory? first = null;
        for (var block = 0; block < 6; block++)
        {
            var isCut = block % 2 == 0;
            var memory = isCut ? await pool.RentForCutAsync(Cut, isBehind: false, TestContext.Current.CancellationToken) : pool.Rent(Merge);
            Assert.Same(first ??= memory, memory);
            using var output = new MemoryStream();
            using var writer = new BlockWriter(output, isCut ? Cut : Merge, spillPath: null, memory, isCut ? null : pool);
            Write(writer, Views(seed: block));
            pool.Return(writer.TakeMemory()!, isCut);
            Assert.Equal(Alone(isCut ? Cut : Merge, block), output.ToArray());
        }
    }

    [Fact]
    public async Task A_merge_makes_way_between_row_groups_and_goes_on_where_it_was()
    {
        var pool = new RowGroupMemoryPool(2);
        var memory = pool.Rent(Merge);
        using var merged = new MemoryStream();
        using var merge = new BlockWriter(merged, Merge, spillPath: null, memory, pool);
        var cuts = 0;
        Task<RowGroupMemory>? waiting = null;
        LiveTraces.ForEach(Views(seed: 1), trace =>
        {
            if (waiting is { IsCompleted: true })
            {
                Assert.True(merge.IsBetweenRowGroups);
                Assert.Same(memory, waiting.Result);
                using var output = new MemoryStream();
                using (var cut = new BlockWriter(output, Cut, spillPath: null, waiting.Result, lender: null)) Write(cut, Views(seed: 7));
                Assert.Equal(Alone(Cut, 7), output.ToArray());
                pool.Return(waiting.Result, isCut: true);
                cuts++;
                waiting = null;
            }

            merge.Add(trace);
            if (merge.IsBetweenRowGroups && waiting is not null) waiting.Wait(TestContext.Current.CancellationToken);
            else waiting ??= pool.RentForCutAsync(Cut, isBehind: false, TestContext.Current.CancellationToken);
            if (!merge.IsBetweenRowGroups) Assert.False(waiting!.IsCompleted);
        });
        merge.Finish().Dispose();
        Assert.True(cuts >= 2);
        Assert.Equal(Alone(Merge, 1), merged.ToArray());
    }

    [Fact]
    public async Task Cuts_that_are_behind_have_memory_each()
    {
        var pool = new RowGroupMemoryPool(2);
        var cancellation = TestContext.Current.CancellationToken;
        var one = await pool.RentForCutAsync(Cut, isBehind: false, cancellation);
        Assert.False(pool.IsWaitedFor);
        // One after the other, as long as no more than two come together.
        var second = pool.RentForCutAsync(Cut, isBehind: false, cancellation);
        Assert.True(pool.IsWaitedFor);
        Assert.False(second.IsCompleted);
        pool.Return(one, isCut: true);
        Assert.Same(one, await second);
        var two = await pool.RentForCutAsync(Cut, isBehind: true, cancellation);
        Assert.NotSame(one, two);
        // The third is one too many, and gives up.
        using var stop = new CancellationTokenSource();
        var three = pool.RentForCutAsync(Cut, isBehind: true, stop.Token);
        Assert.True(pool.IsWaitedFor);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => three);
        Assert.False(pool.IsWaitedFor);
        pool.Return(one, isCut: true);
        pool.Return(two, isCut: true);
        Assert.Same(two, pool.Rent(Merge));
    }

    [Fact]
    public async Task Each_of_several_merges_has_its_own_and_a_cut_waits_for_one_of_them()
    {
        var pool = new RowGroupMemoryPool(1, merges: 2);
        var (one, two) = (pool.Rent(Merge), pool.Rent(Merge));
        Assert.NotSame(one, two);
        var cut = pool.RentForCutAsync(Cut, isBehind: false, TestContext.Current.CancellationToken);
        Assert.False(cut.IsCompleted);
        Assert.True(pool.IsWaitedFor);
        pool.Return(two, isCut: false);
        Assert.Same(two, await cut);
        pool.Return(one, isCut: false);
        pool.Return(two, isCut: true);
        Assert.NotSame(pool.Rent(Merge), pool.Rent(Merge)); // of the two that were kept
    }

    [Fact]
    public async Task Other_columns_need_other_memory_and_what_is_idle_for_long_goes()
    {
        var pool = new RowGroupMemoryPool(2);
        async Task<RowGroupMemory> UseAsync(BlockWriterOptions layout)
        {
            var memory = await pool.RentForCutAsync(layout, isBehind: false, TestContext.Current.CancellationToken);
            pool.Return(memory, isCut: true);
            return memory;
        }

        var others = Cut with { DedicatedColumns = TestColumns.Others };
        var (some, other) = (await UseAsync(Cut), await UseAsync(others));
        Assert.NotSame(some, other);
        Assert.Same(some, await UseAsync(Merge));
        for (var block = 0; block < 10; block++) Assert.Same(other, await UseAsync(others));
        var again = await UseAsync(Cut);
        Assert.NotSame(some, again);
        Assert.Same(some.Schema, again.Schema); // a block may go on in it
    }

    private static byte[] Alone(BlockWriterOptions layout, int seed)
    {
        using var output = new MemoryStream();
        using (var writer = new BlockWriter(output, layout)) Write(writer, Views(seed));
        return output.ToArray();
    }

    private static void Write(BlockWriter writer, List<LiveBatchView> views)
    {
        LiveTraces.ForEach(views, writer.Add);
        writer.Finish().Dispose();
    }

    private static List<LiveBatchView> Views(int seed)
    {
        var requests = new RandomRequests(seed, traceCount: 30);
        var live = new LiveSegment(shardCount: 1, maxAttributeBytes: 2048);
        for (var i = 0; i < 60; i++) live.Append(TenantId.Single, requests.Next());
        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        return views;
    }
}
