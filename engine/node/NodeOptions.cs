using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.External;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>What a node needs to know. Every size is in bytes and every limit has a decided outcome, named beside it.</summary>
public sealed record NodeOptions
{
    /// <summary>
    /// Longest request that is stored, as OTLP protobuf: the log's longest record, and OTLP's own recommendation. Beyond: refused
    /// for good. What a receiver takes is less, or becomes that while it is transcoded.
    /// </summary>
    public const int MaxRequestBytes = WriteAheadLog.MaxPayloadBytes;

    /// <summary>Folder of the WAL; one process owns it (a second one refuses to start).</summary>
    public string WalPath { get; init; } = "tempo-data/wal";

    /// <summary>Folder of the local block store.</summary>
    public string BlocksPath { get; init; } = "tempo-data/blocks";

    /// <summary>The object service in which blocks live; null: the local folder.</summary>
    public RemoteStorage? Remote { get; init; }

    /// <summary>What of the maintenance of the store is this node's.</summary>
    public IMaintenanceOwner Owner { get; init; } = SoleOwner.Instance;

    /// <summary>This node's part of the limits that are global.</summary>
    public IClusterShare Share { get; init; } = SoleOwner.Instance;

    /// <summary>Another service with traces.</summary>
    public ExternalTraceOptions External { get; init; } = new();

    /// <summary>Acknowledge after fdatasync (group commit), or after write() only.</summary>
    public WalSyncMode WalSync { get; init; } = WalSyncMode.Group;

    /// <summary>Size of one WAL segment file, allocated whole before it is written.</summary>
    public long WalSegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Spans that start longer before, or end longer after, they came in do not count in their block's times: they can be found,
    /// and the block ages as if they were not there.
    /// </summary>
    public TimeSpan IngestionTimeRangeSlack { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Bytes of the WAL's disk that stay free besides what the blocks of the logged data may need; short of that requests are
    /// refused until there is space. 0: the log takes all there is, and may leave a cut no space for ever.
    /// </summary>
    public long WalReserveBytes { get; init; } = 16 << 20;

    /// <summary>Live data is cut into blocks when it is this old…</summary>
    public TimeSpan MaxBlockDuration { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// …or holds this many spans, five batches: 27 MB of columns of the load tool's traffic, and the writer of their block needs
    /// as much. Larger blocks are compaction's work. …
    /// </summary>
    public int MaxLiveSpans { get; init; } = 75_000;

    /// <summary>
    /// The same where spans come slowly: two batches, less what comes while the cut begins. Nobody needs large cuts then, and live data
    /// is what such a node consists of. Price, against three batches: a twentieth of such a node's CPU, since more is merged.
    /// </summary>
    public int SlowLiveSpans { get; init; } = 29_000;

    /// <summary>…or came from this many request bytes, or takes a third of <see cref="LiveMemoryBytes"/>.</summary>
    public long MaxLiveBytes { get; init; } = 96 << 20;

    /// <summary>
    /// Memory that all live data may take, columns and texts; beyond: overloaded, try again. Large texts, or texts that are all different,
    /// would otherwise take more than there is before they are many spans.
    /// </summary>
    public long LiveMemoryBytes { get; init; } = MemoryShares.OfThisProcess.LiveBytes;

    /// <summary>Memory of a cut: one may be cut and one fill while a third one waits.</summary>
    internal long CutMemoryBytes => LiveMemoryBytes / 3;

    /// <summary>
    /// Request bytes that may be on their way (received, not yet acknowledged) at once, and the memory that their buffers may
    /// have; beyond: overloaded, try again. Held by the receivers, who know of a request before it is whole.
    /// </summary>
    public long MaxInflightBytes { get; init; } = MemoryShares.OfThisProcess.InflightBytes;

    /// <summary>
    /// Cuts that are written at once. Each needs the memory of a block's writer, some 34 MiB, and where texts are all different more.
    /// </summary>
    public int MaxRunningCuts { get; init; } = MemoryShares.OfThisProcess.RunningCuts(Environment.ProcessorCount);

    /// <summary>
    /// Live data may grow to this many times <see cref="MaxLiveSpans"/> and <see cref="MaxLiveBytes"/> while a cut is slow or
    /// fails; beyond: overloaded, try again.
    /// </summary>
    public int MaxLiveTimes { get; init; } = MemoryShares.OfThisProcess.LiveTimes;

    /// <summary>
    /// Attributes, events and links of one request; beyond: refused for good. An empty one takes 2 bytes in a request, which
    /// compress to nothing, and up to 40 in memory; one that says something takes some 20 bytes, so that a request of 64 MiB
    /// has no more than this.
    /// </summary>
    public int MaxRequestEntries { get; init; } = 4 << 20;

    /// <summary>Queries that compute at once; others wait in line.</summary>
    public int MaxRunningQueries { get; init; } = Environment.ProcessorCount;

    /// <summary>Queries in that line, some kilobytes each with their connection; beyond: busy (429), try again.</summary>
    public int MaxWaitingQueries { get; init; } = 10_000;

    /// <summary>The same of one tenant: Tempo's <c>query_frontend.max_outstanding_per_tenant</c>.</summary>
    public int MaxWaitingQueriesOfTenant { get; init; } = 2000;

    /// <summary>Unpacked columns of blocks that are kept from query to query, in bytes; 0: none.</summary>
    public long ColumnCacheBytes { get; init; } = MemoryShares.OfThisProcess.ColumnCacheBytes;

    /// <summary>Sections of sidecars that are kept in memory, in bytes; beyond, they are read when they are asked for.</summary>
    public long SidecarCacheBytes { get; init; } = MemoryShares.OfThisProcess.BlockCacheBytes;

    /// <summary>
    /// Blocks that stay open from query to query, by the bytes of their footers and indexes; beyond, the least used is closed.
    /// </summary>
    public long OpenBlockBytes { get; init; } = MemoryShares.OfThisProcess.BlockCacheBytes;

    /// <summary>Limits of searches.</summary>
    public SearchOptions Search { get; init; } = new();

    /// <summary>
    /// Bytes of blocks that a search reads on one node of a ring before it is divided, and that each node's part has in its range at least;
    /// 0: none is divided.
    /// </summary>
    public long SearchShareBytes { get; init; } = 50_000_000;

    /// <summary>Bytes of blocks in range that each node's part of a metrics query has at least; 0: none is divided.</summary>
    public long MetricsShareBytes { get; init; } = 100_000_000;

    /// <summary>Limits of metrics queries.</summary>
    public MetricsLimits Metrics { get; init; } = new();

    /// <summary>
    /// Longest attribute key or string value kept; a longer one is cut there on a UTF-8 boundary, and counted. 0: none is cut.
    /// </summary>
    public int MaxAttributeBytes { get; init; } = 2048;

    /// <summary>The tenant's own limit, else <see cref="MaxAttributeBytes"/>, as a length.</summary>
    internal int MaxAttributeBytesOf(TenantLimits limits)
    {
        var bytes = limits.Ingestion.MaxAttributeBytes > 0 ? limits.Ingestion.MaxAttributeBytes : MaxAttributeBytes;
        return bytes == 0 ? int.MaxValue : bytes;
    }

    /// <summary>Metrics from spans. Off until a tenant's limits name a processor.</summary>
    public GeneratorOptions Generator { get; init; } = new();

    /// <summary>Limits of each tenant.</summary>
    public TenantOverrides Overrides { get; init; } = new();

    /// <summary>Tenants that may send; beyond: refused for good, until one has been silent for an hour.</summary>
    public int MaxTenants { get; init; } = 10_000;

    /// <summary>When a sender over its rate is told to try again. Zero: it is not told, and so it does not.</summary>
    public TimeSpan RetryAfterOnRateLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A trace counts as live until it has been without a new span for this long.</summary>
    public TimeSpan TraceIdlePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Added to the time of each request whose tenant has no delay of its own.</summary>
    public TimeSpan ArtificialDelay { get; init; }

    /// <summary>False-positive rate of a block's trace id bloom filter.</summary>
    public double BloomFalsePositive { get; init; } = 0.01;

    /// <summary>Size of one bloom shard.</summary>
    public int BloomShardBytes { get; init; } = 100 * 1024;

    /// <summary>Format of new blocks: vParquet5 or vParquet4. All that are known are read.</summary>
    public string BlockVersion { get; init; } = "vParquet5";

    /// <summary>Metas of blocks are read from each tenant's index, and only those that it does not know one by one.</summary>
    public bool UseTenantIndex { get; init; }

    /// <summary>
    /// Nodes that write each tenant's index. 0: this one does not, and reads what others write, as with <see cref="UseTenantIndex"/>.
    /// </summary>
    public int TenantIndexBuilders { get; init; } = 2;

    /// <summary>An index that is older is not used. 0: none is too old.</summary>
    public TimeSpan StaleTenantIndex { get; init; }

    /// <summary>Where there is no index to use, metas are read one by one; else the tenant's new blocks stay unknown.</summary>
    public bool TenantIndexFallback { get; init; } = true;

    internal TenantIndexUse TenantIndex => new(UseTenantIndex || TenantIndexBuilders == 0, StaleTenantIndex, TenantIndexFallback);

    /// <summary>Time between two writings of the tenants' indexes, for readers that use them. 0: none are written.</summary>
    public TimeSpan TenantIndexInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Compressed bytes after which a block begins a new row group.</summary>
    public long RowGroupBytes { get; init; } = 100_000_000;

    /// <summary>Nothing is compacted, marked or deleted by itself.</summary>
    public bool IsCompactionDisabled { get; init; }

    /// <summary>Time between two rounds of compaction and retention.</summary>
    public TimeSpan CompactionCycle { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long fewer blocks than a job takes wait for others, after the last of them was written, or ten cycles if that is shorter: a
    /// merge of two writes each span twice as often as one of four.
    /// </summary>
    public TimeSpan CompactionPatience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Blocks whose last spans end in the same window of this length are compacted together.</summary>
    public TimeSpan CompactionWindow { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Traces that blocks may have together to be compacted into one; others stay as they are.</summary>
    public long MaxCompactionObjects { get; init; } = 6_000_000;

    /// <summary>Bytes that blocks may have together to be compacted into one; others stay as they are.</summary>
    public long MaxCompactedBlockBytes { get; init; } = 100L << 30;

    /// <summary>Merges that run beside each other, of different blocks; each has a processor and some 100 MiB of memory.</summary>
    public int MaxConcurrentMerges { get; init; } = MemoryShares.OfThisProcess.MergesBeside(Environment.ProcessorCount);

    /// <summary>Age of its last span at which a block is not searched any more. 0: blocks are kept for ever.</summary>
    public TimeSpan BlockRetention { get; init; } = TimeSpan.FromHours(336);

    /// <summary>
    /// Bytes of data that the blocks of all tenants may have together; beyond, the oldest go, of the tenants that have more than
    /// their share. 0: any number.
    /// </summary>
    public long MaxRetainedBytes { get; init; }

    /// <summary>
    /// Part of the blocks' disk, 0 to 1, that may be in use, by whatever; beyond, compacted blocks are deleted at once and then
    /// the oldest blocks go. 0: all of it.
    /// </summary>
    public double MaxDiskShare { get; init; }

    /// <summary>How long the files of a block stay after it was compacted or has expired.</summary>
    public TimeSpan CompactedBlockRetention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Span attributes that are frequent, or that queries ask for, get columns of their own by themselves, where the list below
    /// is empty. Not for a store that a Tempo serves, too: it does not list the names and values of attributes in such columns.
    /// </summary>
    public bool AutoPromote { get; init; } = true;

    /// <summary>Attributes with a column of their own, in order; see the storage specification §4.5.</summary>
    public IReadOnlyList<DedicatedColumnOption> DedicatedColumns { get; init; } = [];
}

/// <summary>One entry of <c>storage.trace.block.parquet_dedicated_columns</c>.</summary>
/// <param name="Scope">resource, span or event.</param>
/// <param name="Type">string or int.</param>
/// <param name="Options">array, blob.</param>
public sealed record DedicatedColumnOption(string Scope, string Name, string Type, IReadOnlyList<string> Options);
