using System.Collections.Immutable;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.External;
using Tempo.Engine.Node.Generating;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// Makes a node's parts, in the order in which they need each other; none of them runs yet.
/// <code>
/// 1 disk      the log, the stores of blocks
/// 2 view      the blocks there are; what the log holds beyond them is replayed; what was deleted is hidden
/// 3 service   the blocks in the object service join the view, if it answers
/// 4 loops     compaction, cuts, uploads, indexes
/// </code>
/// </summary>
internal sealed class NodeStart(NodeOptions options, NodeMachine machine, MetricRegistry registry, Log log, TimeProvider time)
{
    /// <summary>Longer than it takes a page of a dashboard, or a person's client, to ask the next thing.</summary>
    private static readonly TimeSpan QueryPlaceReserved = TimeSpan.FromMilliseconds(250);

    /// <summary>Throws what the disk throws, and <see cref="NodeStartException"/>.</summary>
    public async Task<NodeParts> OpenAsync()
    {
        var wal = machine.Disk is { } disk
            ? WriteAheadLog.Open(
                disk, options.WalPath, WalOptionsOf(options) with { OwnCommitThread = machine.HasThreads }, registry, time, machine.Random)
            : WriteAheadLog.Open(new PosixDisk(options.WalPath), "", WalOptionsOf(options), registry);
        foreach (var stray in wal.Strays)
            log.Warn("file in the log's folder left alone: its name is not one that this log has given",
                ("file", Path.Combine(options.WalPath, stray)));
        var stores = NodeStores.Open(options, machine, new BlockHealth(registry), registry, log, time);
        var state = new NodeState(options, time);
        var deletions = new DeletedTracesStore(stores.HomeObjects);
        await ViewAsync(wal, stores, deletions, state).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.RecoveryDone);
        AddGauges(state, stores.Local, wal);
        var blocklist = stores.Remote is null ? null : new Blocklist(options, state, stores.Remote, deletions, registry, log, time);
        if (blocklist is not null) await blocklist.PollAsync(CancellationToken.None).ConfigureAwait(false);
        return MakeParts(wal, stores, state, new TraceDeletion(options, deletions, state, time), blocklist);
    }

    private static WalOptions WalOptionsOf(NodeOptions options) => new()
    {
        SegmentBytes = options.WalSegmentBytes,
        Sync = options.WalSync,
        ReserveBytes = options.WalReserveBytes,
        Place = Path.GetFullPath(options.WalPath),
    };

    private async Task ViewAsync(WriteAheadLog wal, NodeStores stores, DeletedTracesStore deletions, NodeState state)
    {
        var listing = await stores.Local.ListAsync(options.TenantIndex, time.GetUtcNow(), static _ => false, CancellationToken.None)
            .ConfigureAwait(false);
        foreach (var warning in listing.Warnings) log.Warn("tenant index not used", ("err", warning));
        foreach (var block in listing.Unreadable)
            log.Error("block left out, answers of its tenant are partial", ("tenant", block.Tenant.Value),
                ("block", block.Block.ToString()), ("err", block.Error));
        var recovery = new Recovery(options, wal, stores.All, state, log, time);
        var generations = new List<Generation>();
        foreach (var logged in wal.Recovered)
            generations.Add(await recovery.ReplayAsync(logged, CancellationToken.None).ConfigureAwait(false));
        // From an object service they come with the block list: one that does not answer keeps no node from starting.
        var unknown = new Dictionary<TenantId, string>();
        var deleted = stores.Remote is null ? await deletions.LoadAsync(unknown.Add, CancellationToken.None).ConfigureAwait(false) : [];
        foreach (var (tenant, error) in unknown)
            log.Error("the tenant's traces are withheld until its list of deleted traces is mended and the node started again",
                ("tenant", tenant.Value), ("err", error));
        state.Update(_ => new NodeView(
            [.. generations, state.NewGeneration(wal.Current)], [.. listing.Blocks.Select(meta => new BlockHandle(meta, stores.Local))])
        {
            UnknownBlocks = stores.Remote is null ? "" : "the service was not asked yet",
            Unreadable = listing.Unreadable,
            Quarantined = [.. listing.Quarantined],
            Deleted = deleted.ToImmutableDictionary(),
            UnknownDeletions = unknown.ToImmutableDictionary(),
        });
    }

    private NodeParts MakeParts(WriteAheadLog wal, NodeStores stores, NodeState state, TraceDeletion deletion, Blocklist? blocklist)
    {
        var metrics = new NodeMetrics(registry);
        var promotion = new ColumnPromotion(options, stores.Local.Layout.DedicatedColumns, state, log, time);
        var compaction = CompactionServices.Create(options, stores.HomeObjects, stores.Home, promotion, time, RowLimits.OfBlocks);
        var generator = GeneratorStart.Start(options, machine, registry, log, time);
        var cuts = new CutLoop(
            options, wal, new GenerationWriter(options, wal, stores.Local, promotion, state, metrics, log), state, metrics, log, time);
        var ingest = new IngestPipeline(options, wal, () => state.View, cuts, metrics, generator, time);
        return new NodeParts
        {
            Log = wal,
            State = state,
            Ingest = ingest,
            Trim = new TenantTrimLoop([ingest.Trim, promotion.Trim], log, time),
            Generator = generator,
            Cuts = cuts,
            Compaction = new CompactionLoop(options, compaction, state, stores.Home, deletion,
                new BlockQuarantine(stores.HomeObjects, time), new CompactionMetrics(registry), log, time, blocklist,
                () => wal.DiskFreeBytes is { } free ? free - wal.DiskKeptBytes : long.MaxValue, machine.LongWork),
            Indexes = new TenantIndexLoop(options, stores.HomeObjects, stores.Home, state, registry, log, time),
            Deletion = deletion,
            Queries = new QueryGate(options.MaxRunningQueries, options.MaxWaitingQueries, options.MaxWaitingQueriesOfTenant,
                maxGuests: options.MaxRunningQueries, time, reserved: QueryPlaceReserved),
            Promotion = promotion,
            External =
                options.External.Endpoint is null ? null : new ExternalTraces(options.External, options.MaxRequestEntries, registry, time),
            Uploads = stores.Remote is null ? null
                : new UploadLoop(state, new LocalBlocks(stores.LocalObjects, stores.Local), stores.Remote, stores.RemoteObjects!,
                    new UploadMetrics(registry), log, time),
            Remote = stores.RemoteObjects as IDisposable,
            Caches = stores.Caches,
            BlocksHold = stores.Hold,
            Ring = stores.Remote is null ? null : RingPartsOf(wal, stores, state, blocklist!),
        };
    }

    // The identity of a log outlives a restart, an incarnation does not.
    private RingParts RingPartsOf(WriteAheadLog wal, NodeStores stores, NodeState state, Blocklist blocklist) => new(
        stores.Local, blocklist,
        new PeerAnswers(state, stores.LocalObjects, stores.Local, wal.Identity ^ ((ulong)time.GetUtcNow().Ticks * 0x9E3779B97F4A7C15UL)),
        new PeerBlocks(stores.RemoteObjects!, stores.Remote!, Path.Combine(options.WalPath, "peers"),
            stores.BlockOptions with { Cache = new RangeCache(options.Remote!.CacheBytes / 4) }, time));

    private void AddGauges(NodeState state, BlockStore store, WriteAheadLog wal)
    {
        registry.Gauge("tempo_wal_disk_free_bytes", "Free bytes of the log's disk.", () => wal.DiskFreeBytes ?? 0);
        registry.Gauge("tempo_wal_disk_kept_bytes",
            "Bytes of it that the log keeps free for the blocks of what it holds; with less requests are refused.",
            () => wal.DiskKeptBytes);
        registry.Gauge(
            "tempo_wal_disk_full", "1 while requests are refused because the log cannot have more of its disk.", () => wal.IsFull ? 1 : 0);
        registry.Gauge("tempo_live_store_live_spans", "Spans that are not in a block yet.",
            () => state.View.Generations.Sum(static g => g.Live.SpanCount));
        registry.Gauge("tempo_live_store_live_trace_bytes", "Request bytes of the spans that are not in a block yet.",
            () => state.View.Generations.Sum(static g => g.Live.ByteCount));
        registry.Gauge("tempodb_blocklist_length", "Blocks that are searched.", () => state.View.Blocks.Length);
        registry.Gauge("tempodb_sidecar_cache_bytes", "Bytes of sidecars in memory.", () => store.Sidecars.SizeBytes);
        registry.Gauge("tempodb_column_cache_bytes", "Bytes of unpacked columns of blocks that are kept from query to query.",
            () => store.Columns.SizeBytes);
        registry.Gauge("tempodb_open_block_bytes", "Bytes of blocks that are open: footers, filters, indexes.", () => store.Open.SizeBytes);
        registry.Gauge("tempodb_open_blocks", "Blocks that are open.", () => store.Open.Count);
        registry.Counter("tempodb_sidecars_damaged_total", "Sidecars, or sections of them, that were damaged and are not used.",
            () => store.Sidecars.DamagedCount);
        registry.Counter(
            "tempodb_sidecars_missing_total", "Blocks that were asked for a sidecar and have none.", () => store.Sidecars.MissingCount);
    }
}

/// <summary>What a node consists of.</summary>
internal sealed record NodeParts
{
    public required WriteAheadLog Log { get; init; }
    public required NodeState State { get; init; }
    public required IngestPipeline Ingest { get; init; }
    public required TenantTrimLoop Trim { get; init; }
    public required MetricsGenerator Generator { get; init; }
    public required CutLoop Cuts { get; init; }
    public required CompactionLoop Compaction { get; init; }
    public required TenantIndexLoop Indexes { get; init; }
    public required TraceDeletion Deletion { get; init; }
    public required QueryGate Queries { get; init; }
    public required ColumnPromotion Promotion { get; init; }

    /// <summary>Null where no other service is asked.</summary>
    public required ExternalTraces? External { get; init; }

    /// <summary>Null without an object service, as is <see cref="Remote"/>.</summary>
    public required UploadLoop? Uploads { get; init; }

    public required IDisposable? Remote { get; init; }

    public required IAsyncDisposable? Caches { get; init; }

    /// <summary>Keeps other processes off the folder of the blocks.</summary>
    public required IDisposable BlocksHold { get; init; }

    /// <summary>Null without an object service that others could share.</summary>
    public required RingParts? Ring { get; init; }
}

/// <summary>What of a node only a ring needs.</summary>
/// <param name="LocalStore">Where blocks wait for their upload.</param>
/// <param name="Blocklist">What is in the shared store.</param>
/// <param name="Answers">What others are answered.</param>
/// <param name="PeerBlocks">The newest blocks of others.</param>
internal sealed record RingParts(BlockStore LocalStore, Blocklist Blocklist, PeerAnswers Answers, PeerBlocks PeerBlocks);
