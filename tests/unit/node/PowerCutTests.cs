using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Wal;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>
/// The power goes at every disk call of ingest, cut and release, on a disk that loses what was not synced, in any order. After
/// each: every acknowledged span is in the log or in a whole block, once; no block is half there; and the next start and its
/// cut bring all of it into blocks, with the power going again in the middle of that.
/// </summary>
public sealed class PowerCutTests
{
    // Of what the cut lets through. Each state costs two starts of a node and some blocks, 50 ms.
    private const int SeedsPerCall = 1;

    /// <summary>Every so many recoveries meet a power cut themselves.</summary>
    private const int SecondCutEvery = 8;

    private const string AtTheEnd = "at the end";

    [Fact]
    public async Task Every_acknowledged_span_is_in_the_log_or_in_a_whole_block()
    {
        var states = await RunAsync(new SimDisk(), new Ledger(), seed: 1, static _ => true, async node =>
        {
            for (var cut = 0; cut < 2; cut++)
            {
                node.Ingest(TenantId.Single);
                node.Ingest(Other);
                await node.CutAsync();
            }

            node.Ingest(Other);
        });

        // That the test tests: the log, the blocks of two tenants and the releases are in it.
        Assert.True(states.Count > 100 * SeedsPerCall, $"{states.Count} crash states");
        Assert.Contains(states, static state => state.Ledger.Acknowledged.Count == 5);
        var second = 0;
        foreach (var (disk, ledger, name) in states)
        {
            var at = name.Seed % SecondCutEvery == 0 ? 10 + name.Seed * 7919 % 80 : 0;
            var again = await RunAsync(disk, ledger, seed: name.Seed + 100, call => call == at, async node =>
            {
                await node.CheckAsync(name.ToString());
                await node.CutRecoveredAsync();
                await node.CheckAsync($"{name}, after the next cut");
                Assert.Empty(node.Generations);
            });
            var (crashed, promised, where) = again[0];
            if (where.When == AtTheEnd) continue;
            second++;
            await RunAsync(crashed, promised, seed: 5, static _ => false, node => node.CheckAsync($"{name}, and again {where}"));
        }

        Assert.True(second > 5, $"only {second} recoveries met a second cut");
    }

    private static TenantId Other => TenantId.TryParse("other", out var tenant, out _) ? tenant : throw new InvalidOperationException();

    // The states in which a power cut at each call of the work leaves the disk, and what was promised until then.
    private static async Task<List<(SimDisk Disk, Ledger Ledger, CrashPoint Point)>> RunAsync(
        SimDisk disk, Ledger ledger, int seed, Func<int, bool> isCut, Func<Node, Task> work)
    {
        var states = new List<(SimDisk, Ledger, CrashPoint)>();
        var flaky = new FlakyDisk(disk, call =>
        {
            if (isCut(call.Number) && call.Operation is not ("Read" or "TryOpen" or "TryList" or "TryListEntries"))
                CutPower(call.Number, $"before {call.Operation} {call.Path}");
            return null;
        });
        using (var node = await Node.StartAsync(flaky, ledger, seed)) await work(node);
        CutPower(flaky.Calls + 1, AtTheEnd);
        return states;

        void CutPower(int call, string when)
        {
            for (var i = 0; i < SeedsPerCall; i++)
                states.Add((disk.Crash(call * SeedsPerCall + i), ledger.Copy(), new CrashPoint(call * SeedsPerCall + i, when)));
        }
    }

    private sealed record CrashPoint(int Seed, string When)
    {
        public override string ToString() => $"power cut {When}, seed {Seed}";
    }

    /// <summary>Numbers of the traces, one span each, that were acknowledged, by tenant.</summary>
    private sealed class Ledger
    {
        public List<(TenantId Tenant, int Trace)> Acknowledged { get; private init; } = [];
        public int LastTrace { get; set; }

        public Ledger Copy() => new() { Acknowledged = [.. Acknowledged], LastTrace = LastTrace };
    }

    /// <summary>The parts of a node that touch the disk, over a disk of the test's.</summary>
    private sealed class Node : IDisposable
    {
        private static readonly NodeOptions Options = new() { AutoPromote = false };
        private readonly Ledger _ledger;
        private readonly WriteAheadLog _log;
        private readonly NodeState _state = new(Options, TimeProvider.System);
        private readonly GenerationWriter _writer;

        private Node(IDisk disk, Ledger ledger, int seed)
        {
            _ledger = ledger;
            var random = new Random(seed);
            var metrics = new MetricRegistry();
            _log = WriteAheadLog.Open(disk, "wal", new WalOptions { SegmentBytes = 8 << 10, OwnCommitThread = false }, metrics,
                marks: () => (ulong)random.NextInt64());
            Store = new BlockStore(
                LocalObjectStore.Open(disk, "blocks"), "wal/building", new BlockStoreOptions { BloomShardBytes = 64 }, disk: disk);
            Store.Sweep();
            var promotion = new ColumnPromotion(Options, DedicatedColumns.None, _state, Log.Null, TimeProvider.System);
            _writer = new GenerationWriter(Options, _log, Store, promotion, _state, new NodeMetrics(metrics), Log.Null);
        }

        private BlockStore Store { get; }

        /// <summary>What was recovered and is not in blocks.</summary>
        public ImmutableArray<Generation> Generations => [.. _state.View.Waiting];

        /// <summary>As a node starts.</summary>
        public static async Task<Node> StartAsync(IDisk disk, Ledger ledger, int seed)
        {
            var node = new Node(disk, ledger, seed);
            var listing = await node.Store.ListAllAsync(default);
            Assert.Empty(listing.Unreadable);
            var recovery = new Recovery(Options, node._log, [node.Store], node._state, Log.Null, TimeProvider.System);
            var generations = new List<Generation>();
            foreach (var logged in node._log.Recovered) generations.Add(await recovery.ReplayAsync(logged, default));
            node._state.Update(_ => new NodeView([.. generations, node._state.NewGeneration(node._log.Current)],
                [.. listing.Blocks.Select(meta => new BlockHandle(meta, node.Store))]));
            return node;
        }

        public void Dispose() => _log.Dispose();

        /// <summary>A request as the pipeline stores it: logged, and found once it is durable.</summary>
        public void Ingest(TenantId tenant)
        {
            var trace = ++_ledger.LastTrace;
            var generation = _state.View.Current;
            Assert.True(generation.TryEnter());
            using var request = new NativeBuffer();
            request.Append(MergeTests.Request(trace, trace + 1));
            var logged = _log.AppendAsync(generation.Log, tenant, request).AsTask();
            while (_log.CommitQueued() > 0) { }
            Assert.True(logged.IsCompletedSuccessfully && logged.Result.IsDurable);
            generation.Live.Append(tenant, request.Written);
            _ledger.Acknowledged.Add((tenant, trace));
            generation.Leave();
        }

        public async Task CutAsync()
        {
            var old = _state.View.Current;
            _state.Update(view => view with { Generations = [.. view.Generations, _state.NewGeneration(_log.Roll())] });
            await old.SealAsync(TimeProvider.System.GetUtcNow());
            await _writer.WriteAsync(old, default);
        }

        public async Task CutRecoveredAsync()
        {
            foreach (var generation in Generations) await _writer.WriteAsync(generation, default);
        }

        /// <summary>Every span that was acknowledged is found, once.</summary>
        public async Task CheckAsync(string when)
        {
            foreach (var (tenant, trace) in _ledger.Acknowledged)
            {
                using var lease = _state.Acquire();
                using var output = new NativeBuffer();
                var found = await TraceFinder.FindAsync(
                    lease.View.SourcesOf(tenant), new TraceId((ulong)trace * 7919, (ulong)trace), 0, 0, default);
                found.WritePart(output, int.MaxValue);
                var spans = TracesData.Parser.ParseFrom(output.Written.ToArray()).ResourceSpans.Sum(
                    static r => r.ScopeSpans.Sum(static s => s.Spans.Count));
                Assert.True(found.Damage.Length == 0, $"{when}: {found.Damage}");
                Assert.True(spans == 1, $"{when}: the span of trace {trace} of {tenant.Value} is there {spans} times");
            }
        }
    }
}
