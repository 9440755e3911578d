using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// The recent spans of all tenants that one WAL generation holds: what is searched until the generation has become blocks.
/// Requests are spread over shards, so that cores do not wait for each other; a batch belongs to one shard and one tenant.
/// </summary>
public sealed class LiveSegment(int shardCount, int maxAttributeBytes, LiveBatchPool? pool = null)
{
    private readonly LiveBatchPool _pool = pool ?? new LiveBatchPool(0);
    private readonly ConcurrentDictionary<TenantId, TenantSegment> _tenants = new();
    private long _spanCount;
    private long _byteCount;

    public long SpanCount => Interlocked.Read(ref _spanCount);

    /// <summary>Bytes of the requests the spans came in.</summary>
    public long ByteCount => Interlocked.Read(ref _byteCount);

    public IEnumerable<TenantId> Tenants => _tenants.Keys;

    /// <summary>Adds a validated request; its valid spans can be found when this returns. Thread safe.</summary>
    public LiveAppendResult Append(TenantId tenant, ReadOnlySpan<byte> request) => Append(tenant, request, maxAttributeBytes);

    /// <summary>The same with a limit on keys and string values that is the tenant's own.</summary>
    public LiveAppendResult Append(TenantId tenant, ReadOnlySpan<byte> request, int maxBytesOfAttribute)
    {
        var segment = _tenants.GetOrAdd(tenant, static (_, segment) => segment.NewTenant(), this);
        var result = segment.Append(request, maxBytesOfAttribute);
        Interlocked.Add(ref _spanCount, result.SpanCount);
        Interlocked.Add(ref _byteCount, request.Length);
        return result;
    }

    /// <summary>The tenant's batches, each with the number of its spans that may be read.</summary>
    public void CollectBatches(TenantId tenant, List<LiveBatchView> views)
    {
        if (_tenants.TryGetValue(tenant, out var segment)) segment.CollectBatches(views);
    }

    /// <summary>Gives the batches back for reuse. The segment has become blocks, and nobody reads it or will.</summary>
    public void Recycle()
    {
        foreach (var segment in _tenants.Values) segment.Recycle(_pool);
        _tenants.Clear();
    }

    private TenantSegment NewTenant() => new(shardCount, _pool);

    private sealed class TenantSegment
    {
        private readonly Shard[] _shards;

        public TenantSegment(int shardCount, LiveBatchPool pool)
        {
            _shards = new Shard[shardCount];
            for (var i = 0; i < shardCount; i++) _shards[i] = new Shard(pool);
        }

        public void Recycle(LiveBatchPool pool)
        {
            foreach (var shard in _shards)
                foreach (var batch in shard.Batches)
                    pool.Return(batch);
        }

        public LiveAppendResult Append(ReadOnlySpan<byte> request, int maxAttributeBytes)
        {
            // The thread's own shard if it is free, else the next free one, else wait for the own one.
            var own = Environment.CurrentManagedThreadId % _shards.Length;
            for (var i = 0; i < _shards.Length; i++)
            {
                var shard = _shards[(own + i) % _shards.Length];
                if (!shard.Lock.TryEnter()) continue;
                try
                {
                    return shard.Append(request, maxAttributeBytes);
                }
                finally
                {
                    shard.Lock.Exit();
                }
            }

            lock (_shards[own].Lock) return _shards[own].Append(request, maxAttributeBytes);
        }

        public void CollectBatches(List<LiveBatchView> views)
        {
            foreach (var shard in _shards)
                foreach (var batch in shard.Batches)
                    views.Add(new LiveBatchView(batch, batch.Columns.Snapshot()));
        }
    }

    private sealed class Shard(LiveBatchPool pool)
    {
        /// <summary>Held by the one writer.</summary>
        public readonly Lock Lock = new();
        private volatile LiveBatch[] _batches = [];

        /// <summary>A new array for each new batch, so that readers need no lock.</summary>
        public LiveBatch[] Batches => _batches;

        public LiveAppendResult Append(ReadOnlySpan<byte> request, int maxAttributeBytes)
        {
            var batches = _batches;
            if (batches.Length == 0 || batches[^1].IsClosed) _batches = batches = [.. batches, pool.Rent()];
            return batches[^1].Append(request, maxAttributeBytes);
        }
    }
}

/// <summary>A live batch and how many of its spans a reader may look at.</summary>
public readonly record struct LiveBatchView(LiveBatch Batch, int SpanCount)
{
    public SpanBatch Columns => Batch.Columns;
}
