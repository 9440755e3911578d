using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Node.Tests.Simulation;

/// <summary>
/// The core of a node without a thread of its own: log, live data, cuts, compaction, over a disk, a clock and chance of the test's. Each
/// step is done when it returns.
/// </summary>
internal sealed class SimNode : IDisposable
{
    private readonly NodeOptions _options = new()
    {
        AutoPromote = false,
        MaxConcurrentMerges = 1,
        CompactedBlockRetention = TimeSpan.FromMinutes(10),
        BlockRetention = TimeSpan.FromDays(365_000)
    };
    private readonly SimLedger _ledger;
    private readonly WriteAheadLog _log;
    private readonly NodeState _state;
    private readonly GenerationWriter _writer;
    private readonly BlockStore _store;
    private readonly CompactionLoop _compaction;
    private readonly TimeProvider _time;

    private SimNode(IDisk disk, SimLedger ledger, TimeProvider time, Random random, BlockStoreOptions blocks)
    {
        (_ledger, _time) = (ledger, time);
        var metrics = new MetricRegistry();
        _state = new NodeState(_options, time);
        _log = WriteAheadLog.Open(disk, "wal", new WalOptions { SegmentBytes = 8 << 10, OwnCommitThread = false }, metrics, time,
            () => (ulong)random.NextInt64());
        var objects = LocalObjectStore.Open(disk, "blocks");
        _store = new BlockStore(objects, "wal/building", blocks, disk: disk);
        _store.Sweep();
        var promotion = new ColumnPromotion(_options, DedicatedColumns.None, _state, Log.Null, time);
        _writer = new GenerationWriter(_options, _log, _store, promotion, _state, new NodeMetrics(metrics), Log.Null);
        var services = CompactionServices.Create(_options, objects, _store, promotion, time, RowLimits.OfBlocks);
        var deletion = new TraceDeletion(_options, new DeletedTracesStore(objects), _state, time);
        _compaction = new CompactionLoop(_options, services, _state, _store, deletion, new BlockQuarantine(objects, time),
            new CompactionMetrics(metrics), Log.Null, time);
    }

    /// <summary>
    /// As a node starts. Of <paramref name="memory"/> it has what blocks are built in and nothing that an earlier node knew.
    /// </summary>
    public static async Task<SimNode> StartAsync(IDisk disk, SimLedger ledger, TimeProvider time, Random random, BlockStoreOptions memory)
    {
        var own = memory with { SidecarCacheBytes = 64 << 20, ColumnCacheBytes = 96 << 20, OpenBlockBytes = 64 << 20 };
        var node = new SimNode(disk, ledger, time, random, own);
        var listing = await node._store.ListAllAsync(default);
        Assert.Empty(listing.Unreadable);
        var recovery = new Recovery(node._options, node._log, [node._store], node._state, Log.Null, time);
        var generations = new List<Generation>();
        foreach (var logged in node._log.Recovered) generations.Add(await recovery.ReplayAsync(logged, default));
        node._state.Update(_ => new NodeView([.. generations, node._state.NewGeneration(node._log.Current)],
            [.. listing.Blocks.Select(meta => new BlockHandle(meta, node._store))])
        { Quarantined = [.. listing.Quarantined] });
        return node;
    }

    public void Dispose()
    {
        _compaction.Dispose();
        _log.Dispose();
    }

    /// <summary>
    /// A request as the pipeline stores it: logged, and found once it is durable. What could not be logged is not acknowledged.
    /// </summary>
    public void Ingest(TenantId tenant)
    {
        var trace = ++_ledger.LastTrace;
        var generation = _state.View.Current;
        Assert.True(generation.TryEnter());
        using var request = new NativeBuffer();
        request.Append(MergeTests.Request(trace, trace + 1));
        var logged = _log.AppendAsync(generation.Log, tenant, request).AsTask();
        while (_log.CommitQueued() > 0) { }
        Assert.True(logged.IsCompletedSuccessfully, "an append was left without an answer");
        if (logged.Result.IsDurable)
        {
            generation.Live.Append(tenant, request.Written);
            _ledger.Acknowledged.Add((tenant, trace));
        }

        generation.Leave();
    }

    /// <summary>Everything that waits becomes blocks; what the disk does not take waits on.</summary>
    public async Task CutAsync()
    {
        var current = _state.View.Current;
        _state.Update(view => view with { Generations = [.. view.Generations, _state.NewGeneration(_log.Roll())] });
        await current.SealAsync(_time.GetUtcNow());
        foreach (var generation in _state.View.Waiting) await BearAsync(() => _writer.WriteAsync(generation, default));
    }

    /// <summary>One round: merges, what was merged is marked, what was marked long enough is deleted.</summary>
    public Task CompactAsync() => BearAsync(() => _compaction.RunOnceAsync(default));

    /// <summary>Every span that was acknowledged is found by its id and by a search, once, and nothing that was never sent.</summary>
    public async Task CheckAsync(string when)
    {
        foreach (var tenant in _ledger.Acknowledged.GroupBy(static entry => entry.Tenant))
        {
            using var lease = _state.Acquire();
            var sources = lease.View.SourcesOf(tenant.Key);
            var result = await TraceSearch.RunAsync(
                new SearchRequest { Query = "{}", Limit = int.MaxValue, SpansPerSpanSet = int.MaxValue }, sources, default);
            Assert.True(result.Message.Length == 0, $"{when}: {result.Message}");
            var matched = result.Traces.ToDictionary(
                static trace => trace.TraceId, static trace => trace.SpanSets.Sum(static set => (int)set.Matched));
            foreach (var (_, trace) in tenant)
            {
                var found = await TraceFinder.FindAsync(sources, IdOf(trace), 0, 0, default);
                Assert.True(found.Damage.Length == 0 && found.SpanCount == 1,
                    $"{when}: trace {trace} of {tenant.Key.Value} has {found.SpanCount} spans; {found.Damage}");
                Assert.True(matched.GetValueOrDefault(IdOf(trace)) == 1,
                    $"{when}: a search finds {matched.GetValueOrDefault(IdOf(trace))} spans of trace {trace} of {tenant.Key.Value}");
            }

            Assert.All(matched.Keys, id =>
                Assert.True(Enumerable.Range(1, _ledger.LastTrace).Any(trace => IdOf(trace) == id), $"{when}: trace {id} was never sent"));
        }
    }

    private static TraceId IdOf(int trace) => new((ulong)trace * 7919, (ulong)trace);

    // A disk that fails is no end of anything.
    private static async Task BearAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (e is IOException or ObjectStoreException)
        {
            // Tried again with the next step of its kind.
        }
    }
}

/// <summary>Numbers of the traces, one span each, that were acknowledged, by tenant.</summary>
internal sealed class SimLedger
{
    public List<(TenantId Tenant, int Trace)> Acknowledged { get; private init; } = [];

    /// <summary>The last that was sent, whatever became of it.</summary>
    public int LastTrace { get; set; }

    public SimLedger Copy() => new() { Acknowledged = [.. Acknowledged], LastTrace = LastTrace };
}
