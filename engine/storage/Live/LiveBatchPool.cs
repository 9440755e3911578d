using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Keeps emptied batches for reuse, so that steady ingest allocates nothing per span and batches need not grow from nothing
/// each time. The one that was used last is used next, so that there are no more than are needed at once, and what a busy minute left
/// behind goes. Bounded; thread safe.
/// </summary>
public sealed class LiveBatchPool : IKeepsSpareMemory
{
    /// <summary>
    /// A batch that was not needed for so many that came back is not kept: some ten cuts at a slow rate, one or two seconds at full speed.
    /// </summary>
    private const int MaxIdleReturns = 32;

    // With the number of the return that brought it, ascending; the last is taken first.
    private readonly List<(LiveBatch Batch, long Return)> _free = [];
    private readonly Lock _lock = new();
    private readonly int _capacity;
    private readonly long _maxBytes;
    private long _returns;
    private long _bytes;

    /// <param name="capacity">Most batches that are kept.</param>
    /// <param name="maxBytes">Most that what is kept has grown to.</param>
    public LiveBatchPool(int capacity, long maxBytes = long.MaxValue)
    {
        (_capacity, _maxBytes) = (capacity, maxBytes);
        SpareMemory.Register(this);
    }

    public LiveBatch Rent()
    {
        lock (_lock)
        {
            if (_free.Count > 0)
            {
                var batch = _free[^1].Batch;
                RemoveAt(_free.Count - 1);
                return batch;
            }
        }

        // The one before has just grown to its size, and left behind what it grew out of.
        GarbageBudget.Check();
        return new LiveBatch();
    }

    /// <summary>Takes back a batch that nobody reads any more.</summary>
    public void Return(LiveBatch batch)
    {
        if (!batch.IsReusable) return;
        batch.Clear();
        lock (_lock)
        {
            if (_free.Count < _capacity && _bytes + batch.GrownBytes <= _maxBytes)
            {
                _free.Add((batch, _returns));
                _bytes += batch.GrownBytes;
            }

            _returns++;
            while (_free.Count > 0 && _returns - _free[0].Return > MaxIdleReturns) RemoveAt(0);
        }
    }

    /// <inheritdoc/>
    public void LetGo()
    {
        lock (_lock)
        {
            _free.Clear();
            _bytes = 0;
        }
    }

    private void RemoveAt(int index)
    {
        _bytes -= _free[index].Batch.GrownBytes;
        _free.RemoveAt(index);
    }
}
