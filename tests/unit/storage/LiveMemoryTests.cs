using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;

namespace Tempo.Storage.Tests;

/// <summary>There are no more live batches than writers and cuts need at once.</summary>
public sealed class LiveMemoryTests
{
    [Fact]
    public void The_batch_that_was_used_last_is_used_next_and_what_is_idle_for_long_goes()
    {
        var pool = new LiveBatchPool(4);
        var (idle, used) = (pool.Rent(), pool.Rent());
        pool.Return(idle);
        pool.Return(used);
        for (var i = 0; i < 20; i++)
        {
            Assert.Same(used, pool.Rent());
            pool.Return(used);
        }

        Assert.Same(used, pool.Rent());
        Assert.Same(idle, pool.Rent()); // still there
        pool.Return(idle);
        pool.Return(used);
        for (var i = 0; i < 40; i++)
        {
            Assert.Same(used, pool.Rent());
            pool.Return(used);
        }

        Assert.Same(used, pool.Rent());
        Assert.NotSame(idle, pool.Rent());
    }

    [Fact]
    public void What_a_segment_takes_is_what_its_batches_do()
    {
        var live = new LiveSegment(shardCount: 1, maxAttributeBytes: 2048);
        var requests = new RandomRequests(seed: 5, traceCount: 20);
        for (var i = 0; i < 24; i++) live.Append(TenantId.Single, requests.Next());
        Assert.Equal(Batches(live).Sum(static view => view.Batch.MemoryBytes), live.MemoryBytes);
    }

    [Fact]
    public void Batches_are_kept_by_the_bytes_they_have_grown_for()
    {
        var request = new RandomRequests(seed: 3, traceCount: 20).Next();
        var one = new LiveBatch();
        one.Append(request, maxAttributeBytes: 2048);
        var pool = new LiveBatchPool(4, maxBytes: one.MemoryBytes * 2 + 1);
        List<LiveBatch> batches = [pool.Rent(), pool.Rent(), pool.Rent()];
        foreach (var batch in batches) batch.Append(request, maxAttributeBytes: 2048);
        foreach (var batch in batches) pool.Return(batch);
        Assert.Same(batches[1], pool.Rent());
        Assert.Same(batches[0], pool.Rent());
        Assert.DoesNotContain(pool.Rent(), batches);
        pool.Return(batches[2]);
        SpareMemory.LetGo();
        Assert.DoesNotContain(pool.Rent(), batches);
        foreach (var batch in batches) pool.Return(batch);
        Assert.Same(batches[1], pool.Rent()); // what was let go does not count any more
    }

    [Fact]
    public async Task Writers_that_do_not_meet_fill_one_batch_whatever_their_threads()
    {
        var live = new LiveSegment(shardCount: 8, maxAttributeBytes: 2048);
        var requests = new RandomRequests(seed: 3, traceCount: 20);
        for (var i = 0; i < 24; i++)
        {
            var request = requests.Next();
            await Task.Factory.StartNew(() => live.Append(TenantId.Single, request), TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        Assert.Single(Batches(live));
        Assert.Equal(1, live.TenantCount);
    }

    [Fact]
    public void Writers_that_meet_often_get_shards_of_their_own_and_nothing_is_lost()
    {
        const int Writers = 4;
        var live = new LiveSegment(shardCount: Writers, maxAttributeBytes: 2048);
        using var start = new Barrier(Writers);
        var sent = new long[Writers];
        var threads = Enumerable.Range(0, Writers).Select(writer => new Thread(() =>
        {
            var requests = new RandomRequests(seed: writer + 10, traceCount: 20);
            byte[][] own = [.. Enumerable.Range(0, 50).Select(_ => requests.Next())];
            for (var round = 0; round < 20; round++)
            {
                start.SignalAndWait();
                foreach (var request in own) sent[writer] += live.Append(TenantId.Single, request).SpanCount;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Equal(sent.Sum(), live.SpanCount);
        Assert.Equal(sent.Sum(), Batches(live).Sum(static view => (long)view.SpanCount));
    }

    private static List<LiveBatchView> Batches(LiveSegment live)
    {
        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        return views;
    }
}
