using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>Blocks in a folder of their own: writes them, opens what a node opens over them, and reads all there is.</summary>
internal sealed class BlockFolder : IDisposable
{
    public const int MaxAttributeBytes = 64;
    private ulong _lastBlock;

    private BlockFolder(string root) => Root = root;

    public string Root { get; }

    public NodeOptions Options { get; init; } = new() { MaxConcurrentMerges = 1 };

    /// <summary>Longer attributes are cut.</summary>
    public int AttributeBytes { get; set; } = MaxAttributeBytes;

    public static BlockFolder Create(NodeOptions? options = null) =>
        new(TestFolder.Create("tempo-compaction-")) { Options = options ?? new NodeOptions { MaxConcurrentMerges = 1 } };

    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>The same files in another place.</summary>
    public BlockFolder Copy(NodeOptions? options = null)
    {
        var copy = Create(options ?? Options);
        foreach (var file in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(copy.Root, Path.GetRelativePath(Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
            File.SetLastWriteTimeUtc(target, File.GetLastWriteTimeUtc(file));
        }

        return copy;
    }

    public IObjectStore OpenObjects() => LocalObjectStore.Open(Path.Combine(Root, "objects"));

    public string TenantPath => Path.Combine(Root, "objects", TenantId.Single.Value);

    public string PathOf(BlockId block, string name = "") => Path.Combine(TenantPath, block.ToString(), name);

    public BlockStore OpenStore(IObjectStore objects)
    {
        var store = new BlockStore(objects, Path.Combine(Root, "work"), new BlockStoreOptions { BloomShardBytes = 64 });
        store.Sweep();
        return store;
    }

    /// <summary>For a whole node in a folder, which compacts when a test says so and deletes at once what was compacted.</summary>
    public static NodeOptions NodeOptionsIn(string root) => new()
    {
        WalPath = Path.Combine(root, "wal"),
        BlocksPath = Path.Combine(root, "blocks"),
        WalSegmentBytes = 1 << 20,
        CompactionCycle = TimeSpan.FromHours(1),
        CompactionPatience = TimeSpan.Zero,
        CompactedBlockRetention = TimeSpan.Zero,
    };

    /// <summary>A block of these requests, as a cut writes it.</summary>
    public Task<BlockMeta> WriteAsync(BlockWriterOptions layout, params IEnumerable<byte[]> requests) =>
        WriteAsync(layout, TimeWindow.Any, requests);

    /// <summary>The same of spans that came in at these times.</summary>
    public async Task<BlockMeta> WriteAsync(BlockWriterOptions layout, TimeWindow times, params IEnumerable<byte[]> requests)
    {
        var batch = new LiveBatch();
        foreach (var request in requests) batch.Append(request, AttributeBytes);
        var block = new NewBlock { Tenant = TenantId.Single, Id = BlockId.Derive(77, ++_lastBlock), Layout = layout, Times = times };
        var meta = await OpenStore(OpenObjects()).WriteAsync(block, writer => LiveTraces.ForEach([Spans.View(batch)], writer.Add), default);
        return meta ?? throw new InvalidOperationException("no spans");
    }

    /// <summary>
    /// What a node that starts now has: all blocks in its view, and the loop over them, which polls if the options name an object service.
    /// </summary>
    public async Task<RunningCompaction> StartAsync(
        IObjectStore objects, TimeProvider time, RowLimits? rowLimits = null, Func<long>? spareBytes = null)
    {
        var store = OpenStore(objects);
        var state = new NodeState(Options, TimeProvider.System);
        var listing = await store.ListAllAsync(default);
        Assert.Empty(listing.Unreadable);
        state.Update(_ =>
            new NodeView([], [.. listing.Blocks.Select(meta => new BlockHandle(meta, store))]) { Quarantined = [.. listing.Quarantined] });
        var deleted = new DeletedTracesStore(objects);
        state.Update(view => view with
        {
            Deleted = deleted.LoadAsync(static (_, damage) => Assert.Fail(damage), default).GetAwaiter().GetResult().ToImmutableDictionary()
        });
        var deletion = new TraceDeletion(Options, deleted, state, time);
        var metrics = new MetricRegistry();
        var promotion = new ColumnPromotion(Options with { AutoPromote = false }, DedicatedColumns.None, state, Log.Null, time);
        var services = CompactionServices.Create(Options, objects, store, promotion, time, rowLimits ?? RowLimits.OfBlocks);
        var blocklist = Options.Remote is null ? null : new Blocklist(Options, state, store, deleted, metrics, Log.Null, time);
        var loop = new CompactionLoop(Options, services, state, store, deletion, new BlockQuarantine(objects, time),
            new CompactionMetrics(metrics), Log.Null, time, blocklist, spareBytes);
        return new RunningCompaction(loop, state, deletion, metrics);
    }

    public static BlockCompactor Compactor(IObjectStore objects, BlockStore store, BlockWriterOptions layout) =>
        new(objects, store, new CompactedBlocks(objects, new SteadyClock(TimeProvider.System)), new CompactionOptions { Layout = layout });

    public async Task<List<BlockMeta>> ListAsync() =>
        await OpenStore(OpenObjects()).ListAsync(static damage => Assert.Fail(damage), default);

    /// <summary>Every trace of the listed blocks in the form of <see cref="TraceModel.Expected"/>, and how often a row has it.</summary>
    public async Task<(Dictionary<string, string[]> Traces, int Rows)> ReadAllAsync()
    {
        var store = OpenStore(OpenObjects());
        var context = new SpanContext();
        var spans = new SortedDictionary<TraceId, List<SpanRef>>();
        var rows = 0;
        foreach (var meta in await store.ListAsync(static damage => Assert.Fail(damage), default))
        {
            using var block = await store.OpenAsync(meta, default);
            for (var group = 0; group < block.RowGroupCount; group++)
            {
                var reader = block.OpenRowGroup(group);
                var batch = reader.Read(0, (int)reader.RowCount, BatchColumns.All);
                var number = context.Add(batch);
                rows += batch.TraceCount;
                for (var span = 0; span < batch.SpanCount; span++)
                {
                    var id = batch.TraceIds[batch.Trace[span]];
                    if (!spans.TryGetValue(id, out var list)) spans.Add(id, list = []);
                    list.Add(new SpanRef(number, span));
                }
            }
        }

        return (Describe(context, spans), rows);
    }

    private static Dictionary<string, string[]> Describe(SpanContext context, SortedDictionary<TraceId, List<SpanRef>> spans)
    {
        var traces = new Dictionary<string, string[]>();
        var trace = new OrderedTrace(context);
        using var buffer = new NativeBuffer();
        foreach (var (id, refs) in spans)
        {
            trace.Begin(id);
            foreach (var span in refs) trace.Add(span);
            trace.Complete();
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            traces.Add(id.ToString(), TraceModel.Describe(buffer.Written));
        }

        return traces;
    }
}

/// <summary>A node's compaction without the rest of the node.</summary>
internal sealed record RunningCompaction(CompactionLoop Loop, NodeState State, TraceDeletion Deletion, MetricRegistry Metrics)
{
    public Task RunOnceAsync() => Loop.RunOnceAsync(default);

    public IEnumerable<BlockId> Blocks => State.View.Blocks.Select(static block => block.Meta.BlockId);

    public string MetricsText
    {
        get
        {
            var text = new System.Buffers.ArrayBufferWriter<byte>();
            Metrics.WriteTo(text);
            return System.Text.Encoding.UTF8.GetString(text.WrittenSpan);
        }
    }
}
