using System.Collections.Concurrent;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Keeps emptied batches for reuse, so that steady ingest allocates nothing per span and batches need not grow from nothing
/// each time. Bounded; thread safe.
/// </summary>
public sealed class LiveBatchPool(int capacity)
{
    private readonly ConcurrentQueue<LiveBatch> _free = new();
    private int _count;

    public LiveBatch Rent()
    {
        if (!_free.TryDequeue(out var batch))
        {
            // The one before has just grown to its size, and left behind what it grew out of.
            GarbageBudget.Check();
            return new LiveBatch();
        }

        Interlocked.Decrement(ref _count);
        return batch;
    }

    /// <summary>Takes back a batch that nobody reads any more.</summary>
    public void Return(LiveBatch batch)
    {
        if (!batch.IsReusable || Interlocked.Increment(ref _count) > capacity)
        {
            if (batch.IsReusable) Interlocked.Decrement(ref _count);
            return;
        }

        batch.Clear();
        _free.Enqueue(batch);
    }
}
