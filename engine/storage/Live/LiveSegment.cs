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
    private long _memoryBytes;
    private int _tenantCount;

    public long SpanCount => Interlocked.Read(ref _spanCount);

    /// <summary>Bytes of the requests the spans came in.</summary>
    public long ByteCount => Interlocked.Read(ref _byteCount);

    /// <summary>What they take in memory, roughly: columns and texts.</summary>
    public long MemoryBytes => Interlocked.Read(ref _memoryBytes);

    public IEnumerable<TenantId> Tenants => _tenants.Keys;

    /// <summary>Tenants that have sent something; two that come for the first time at once may count for three.</summary>
    public int TenantCount => Volatile.Read(ref _tenantCount);

    /// <summary>Adds a validated request; its valid spans can be found when this returns. Thread safe.</summary>
    public LiveAppendResult Append(TenantId tenant, ReadOnlySpan<byte> request) => Append(tenant, request, maxAttributeBytes);

    /// <summary>The same with a limit on keys and string values that is the tenant's own.</summary>
    public LiveAppendResult Append(TenantId tenant, ReadOnlySpan<byte> request, int maxBytesOfAttribute)
    {
        var segment = _tenants.GetOrAdd(tenant, static (_, segment) => segment.NewTenant(), this);
        var result = segment.Append(request, maxBytesOfAttribute);
        Interlocked.Add(ref _spanCount, result.SpanCount);
        Interlocked.Add(ref _byteCount, request.Length);
        Interlocked.Add(ref _memoryBytes, result.MemoryBytes);
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

    private TenantSegment NewTenant()
    {
        Interlocked.Increment(ref _tenantCount);
        return new TenantSegment(shardCount, _pool);
    }

    private sealed class TenantSegment
    {
        /// <summary>Of so many requests one has to wait before another shard is opened…</summary>
        private const int RequestsPerWait = 16;

        /// <summary>…and so many have had to: two that come at the same moment say nothing.</summary>
        private const int MinWaits = 4;

        private readonly Shard[] _shards;

        // Each has batches of its own that are half full in the mean, so there are no more than writers need.
        private volatile int _openCount = 1;
        private int _waits;

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
            var open = _openCount;
            var own = Environment.CurrentManagedThreadId % open;
            for (var i = 0; i < open; i++)
            {
                var shard = _shards[(own + i) % open];
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

            if (open < _shards.Length) NoteWait(open);
            lock (_shards[own].Lock) return _shards[own].Append(request, maxAttributeBytes);
        }

        private void NoteWait(int open)
        {
            var waits = Interlocked.Increment(ref _waits);
            if (waits < MinWaits || (long)waits * RequestsPerWait < _shards[open - 1].RequestCount) return;
            Volatile.Write(ref _waits, 0);
            _openCount = open + 1;
        }

        public void CollectBatches(List<LiveBatchView> views)
        {
            foreach (var shard in _shards)
                foreach (var batch in shard.Batches)
                    views.Add(batch.View());
        }
    }

    private sealed class Shard(LiveBatchPool pool)
    {
        /// <summary>Held by the one writer.</summary>
        public readonly Lock Lock = new();
        private volatile LiveBatch[] _batches = [];

        /// <summary>Of its writers; others may see an older one.</summary>
        public int RequestCount { get; private set; }

        /// <summary>A new array for each new batch, so that readers need no lock.</summary>
        public LiveBatch[] Batches => _batches;

        public LiveAppendResult Append(ReadOnlySpan<byte> request, int maxAttributeBytes)
        {
            RequestCount++;
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
