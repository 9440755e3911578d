using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.External;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.Node.Slices;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// The whole engine of one node, behind one narrow door: take spans, find traces, search. Thread safe.
/// <para>
/// Guarantees: a span whose request was answered with <see cref="IngestStatus.Accepted"/> survives a crash, and is found by
/// id and by search from that moment on, at every moment, once.
/// </para>
/// </summary>
public sealed partial class TempoNode : IAsyncDisposable, ICollectsSources
{
    private readonly CancellationTokenSource _stop = new();
    private readonly WriteAheadLog _log;
    private readonly NodeState _state;
    private readonly IngestPipeline _ingest;
    private readonly CutLoop _cuts;
    private readonly CompactionLoop _compaction;
    private readonly NodeLoop _cutting;

    // All of them, in the order in which their ends are waited for.
    private readonly List<NodeLoop> _loops;
    private readonly QueryGate _queries;
    private readonly QueryRunner _runner;
    private readonly SlicedQueries _sliced;
    private readonly TraceDeletion _deletion;
    private readonly NodeOptions _options;
    private readonly ColumnPromotion _promotion;
    private readonly TimeProvider _time;
    private readonly IDisposable? _remote;
    private readonly IAsyncDisposable? _caches;
    private readonly IDisposable _blocksHold;
    private readonly MetricsGenerator _generator;
    private readonly ExternalTraces? _external;
    private int _disposed;

    internal TempoNode(NodeParts parts, NodeOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        (_log, _state, _ingest, _generator, _queries) = (parts.Log, parts.State, parts.Ingest, parts.Generator, parts.Queries);
        (_promotion, _deletion, _cuts, _compaction, _remote, _caches, _blocksHold) =
            (parts.Promotion, parts.Deletion, parts.Cuts, parts.Compaction, parts.Remote, parts.Caches, parts.BlocksHold);
        _ring = parts.Ring;
        _external = parts.External;
        _runner = new QueryRunner(_queries, _state, this);
        _sliced = new SlicedQueries(new LocalQueries(_runner, options, time), _state, options, time);
        _cutting = new NodeLoop("cuts", parts.Cuts.RunAsync(_stop.Token), () => parts.Cuts.LastError);
        _loops = [_cutting, new NodeLoop("compaction", parts.Compaction.RunAsync(_stop.Token), () => parts.Compaction.LastError)];
        if (parts.Uploads is { } uploads) _loops.Add(new NodeLoop("uploads", uploads.RunAsync(_stop.Token), () => uploads.LastError));
        if (parts.Indexes.IsOn)
            _loops.Add(new NodeLoop("tenant-indexes", parts.Indexes.RunAsync(_stop.Token), () => parts.Indexes.LastError));
        _loops.Add(new NodeLoop("tenant-memory", parts.Trim.RunAsync(_stop.Token), () => parts.Trim.LastError));
    }

    /// <summary>
    /// Opens the data folders, replays what earlier runs left in the log, and starts. Throws <see cref="NodeStartException"/>
    /// for a folder that cannot be used, another process on it, or options that do not fit together.
    /// </summary>
    public static Task<TempoNode> StartAsync(NodeOptions options, MetricRegistry metrics, Log log, TimeProvider time) =>
        StartAsync(options, NodeMachine.Real, metrics, log, time);

    /// <summary>The same on another machine.</summary>
    internal static async Task<TempoNode> StartAsync(
        NodeOptions options, NodeMachine machine, MetricRegistry metrics, Log log, TimeProvider time)
    {
        try
        {
            return new TempoNode(
                await new NodeStart(options, machine, metrics, log, time).OpenAsync().ConfigureAwait(false), options, time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectStoreException or WalException)
        {
            throw new NodeStartException(
                $"data folders {Path.GetFullPath(options.WalPath)} and {Path.GetFullPath(options.BlocksPath)}: {e.Message}", e);
        }
    }

    /// <summary>What a request that comes in now would meet.</summary>
    public IngestRoom IngestRoom => _ingest.Room;

    /// <summary>
    /// Takes an OTLP ExportTraceServiceRequest. The buffer is the caller's and must stay as it is until this completes.
    /// </summary>
    public ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request) => _ingest.IngestAsync(tenant, request);

    /// <summary>
    /// The first half of <see cref="IngestAsync"/>, where the spans are stored by other nodes: judges the request, notes its
    /// traces, and takes it from the tenant's rate.
    /// </summary>
    public ValueTask<IngestAdmission> AdmitAsync(TenantId tenant, NativeBuffer request, TraceRuns runs) =>
        _ingest.AdmitAsync(tenant, request, runs);

    /// <summary>The second half, on each owner of the spans: <see cref="RequestGroup.Outcomes"/> is filled when this completes.</summary>
    public ValueTask IngestReplicasAsync(RequestGroup group) => _ingest.IngestReplicasAsync(group);

    /// <summary>
    /// A trace by its id, to be read in parts; the seconds (0 = no bound) only limit which blocks are looked in. Dispose it
    /// soon: until then what it was read from cannot be released.
    /// </summary>
    public Task<TraceReading> ReadTraceAsync(
        TenantSet tenants, TraceId id, long startSeconds, long endSeconds, CancellationToken cancellation) =>
            ReadTraceAsync(tenants, id, new TraceSelection { StartSeconds = startSeconds, EndSeconds = endSeconds }, cancellation);

    /// <summary>The same, looked for in a part of what there is.</summary>
    public async Task<TraceReading> ReadTraceAsync(TenantSet tenants, TraceId id, TraceSelection selection, CancellationToken cancellation)
    {
        // Without a place among the queries, like what other nodes have.
        var isAsked = _external is not null && (selection.IsExternalOnly || (_external.IsPartOfAll && selection.IsAll));
        var elsewhere = isAsked
            ? await _external!.FindAsync(tenants, id, selection.StartSeconds, selection.EndSeconds, cancellation).ConfigureAwait(false)
            : AddedSources.None;
        return await _runner.RunAsync(
            tenants,
            id,
            (sources, _) => TraceFinder.FindAsync(
                elsewhere.AddTo(selection.Of(sources)), id, selection.StartSeconds, selection.EndSeconds, cancellation),
            static (found, lease) => new TraceReading(found, lease),
            cancellation).ConfigureAwait(false);
    }

    /// <summary>Whether there is another service that traces can be asked of.</summary>
    public bool HasExternalTraces => _external is not null;

    /// <summary>Throws <see cref="QueryException"/> for a query that is wrong or cannot be run.</summary>
    public Task<SearchResult> SearchAsync(TenantSet tenants, SearchRequest request, CancellationToken cancellation)
    {
        _promotion.Ask(tenants, request.Query);
        return _sliced.SearchAsync(tenants, request, cancellation);
    }

    /// <summary>Throws <see cref="QueryException"/> for a query that is wrong or cannot be run.</summary>
    public Task<TResult> QueryMetricsAsync<TResult>(TenantSet tenants, MetricsRequest<TResult> request, CancellationToken cancellation)
    {
        _promotion.Ask(tenants, request.Query);
        return _sliced.QueryMetricsAsync(tenants, request, cancellation);
    }

    /// <summary>
    /// Attributes that get columns of their own in new blocks, and why; of tenants that have sent something since the start.
    /// </summary>
    public IReadOnlyList<PromotedColumn> DescribeDedicatedColumns() => _promotion.Describe();

    /// <summary>
    /// Deletes traces: nobody is shown them from the moment this returns, over restarts too, and compaction takes them out of
    /// the blocks. Spans of them that come in within the next hour are deleted as well. Throws
    /// <see cref="ArgumentOutOfRangeException"/> beyond <see cref="DeletedTraces.MaxCount"/> traces that wait for compaction.
    /// </summary>
    public Task DeleteTracesAsync(TenantId tenant, IReadOnlyCollection<TraceId> ids, CancellationToken cancellation) =>
        _deletion.DeleteAsync(tenant, ids, cancellation);

    /// <summary>Commits a group of what the log has queued, where it has no thread of its own; how many requests that were.</summary>
    internal int CommitQueued() => _log.CommitQueued();

    /// <summary>Writes all live data as blocks, now. In an object service they are once the next upload has brought them there.</summary>
    public Task FlushAsync(CancellationToken cancellation) => _cuts.CutAsync(cancellation);

    /// <summary>Compacts what there is to compact and deletes what is over, now.</summary>
    public Task CompactAsync(CancellationToken cancellation) => _compaction.RunOnceAsync(cancellation);

    /// <summary>What works in the background, and what of it fails.</summary>
    public IReadOnlyList<NodeService> Services() =>
    [
        new("write-ahead-log", _log.LastError),
        .. _loops.Select(static loop => new NodeService(loop.Name, loop.Error)),
        new("metrics-generator", _generator.LastError),
    ];

    /// <summary>
    /// Can this node take and answer requests? If not, <paramref name="reason"/> says why. Only what keeps it from that counts:
    /// the log and the cuts. A node that cannot upload, compact or send metrics does its work and must go on being sent some;
    /// <see cref="Services"/> has it all.
    /// </summary>
    public bool IsReady(out string reason)
    {
        reason = _ingest.IsClosed ? "the node is stopping"
            : _log.LastError is { Length: > 0 } logError ? $"the write-ahead log: {logError}"
            : _cutting.Error is { Length: > 0 } cutError ? $"live data cannot be written as blocks: {cutError}"
            : "";
        return reason.Length == 0;
    }

    /// <summary>Refuses new requests, lets those under way finish, makes the log durable, and ends. Live data stays in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _ingest.IsClosed = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            foreach (var loop in _loops) await loop.EndAsync().ConfigureAwait(false);
            _compaction.Dispose();
            _ring?.Blocklist.Dispose();
            _ring?.PeerBlocks.Dispose();
            _deletion.Dispose();
            await _cuts.DisposeAsync().ConfigureAwait(false);
            await _state.View.Current.SealAsync(_time.GetUtcNow()).ConfigureAwait(false);
            await _generator.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            // Whatever went wrong before: the folders are unlocked for who comes next.
            _log.Dispose();
            if (_caches is not null) await _caches.DisposeAsync().ConfigureAwait(false);
            _remote?.Dispose();
            _external?.Dispose();
            _blocksHold.Dispose();
            _stop.Dispose();
        }
    }
}
