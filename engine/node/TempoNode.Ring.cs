using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Engine.Node;

// This node as one of several that share an object service.
public sealed partial class TempoNode
{
    private static readonly TimeSpan DrainInterval = TimeSpan.FromMilliseconds(50);
    private readonly RingParts? _ring;
    private PeerReads? _peers;

    /// <summary>Of the log in this node's folder, for as long as that is there.</summary>
    public ulong LogIdentity => _log.Identity;

    /// <summary>The blocks are in an object service, which other nodes can share.</summary>
    public bool HasSharedStore => _ring is not null;

    /// <summary>
    /// From here on queries ask other nodes, too. Once, before the first query. Throws <see cref="NodeStartException"/> without
    /// an object service.
    /// </summary>
    public void Join(IPeers peers, MetricRegistry registry)
    {
        var parts = _ring ?? throw new NodeStartException(
            "a ring needs an object service that all its nodes share (storage.trace.backend: s3, azure or gcs)");
        var spans = registry.Counter(
            "tempo_ring_mirrored_spans_total",
            "Live spans of other nodes that queries met: copied, or known to be here or to come from another node, and not sent.",
            "outcome");
        var mirrors = new LiveMirrors(
            _state, peers.HasCopies ? new KnownSpans(MemoryShares.OfThisProcess.KnownSpanBytes, _time) : null, spans, _time);
        registry.Gauge("tempo_ring_mirrored_bytes",
            "Request bytes of other nodes' live spans of which this node keeps copies for its queries, and what it takes to know which they are.", () => mirrors.ByteCount);
        _sliced.Join(peers, registry);
        _peers = new PeerReads(peers, _state, parts.Blocklist, parts.PeerBlocks, mirrors, _time);
    }

    /// <summary>Appends the answer to another node's question. Throws <see cref="PeerException"/> for one that makes no sense.</summary>
    public ValueTask AnswerPeerAsync(PeerQuestion question, NativeBuffer body, NativeBuffer answer, CancellationToken cancellation)
    {
        var parts = _ring ?? throw new PeerException("this node shares no store with others");
        if (question == PeerQuestion.Slice) return _sliced.AnswerAsync(body, answer, cancellation);
        parts.Answers.Answer(question, body, answer);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Brings everything that is only here to the shared store: what a node does before it goes. Nothing new is taken from the ring from
    /// then on.
    /// </summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        _ingest.IsClosedToReplicas = true;
        Interlocked.MemoryBarrier();
        while (true)
        {
            await _cuts.CutAsync(cancellation).ConfigureAwait(false);
            if (IsDrained()) return;
            await Task.Delay(DrainInterval, _time, cancellation).ConfigureAwait(false);
        }
    }

    // Requests that were on their way when the last cut began are in the next one.
    private bool IsDrained()
    {
        if (_ingest.Replicas > 0) return false;
        var view = _state.View;
        return view.Generations.Length == 1 && view.Current.Live.SpanCount == 0
            && !view.Blocks.Any(block => _ring is { } parts && block.Store == parts.LocalStore);
    }

    ValueTask<AddedSources> ICollectsSources.CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation) =>
        _peers is null
            ? new ValueTask<AddedSources>(AddedSources.None)
            : new ValueTask<AddedSources>(_peers.CollectAsync(tenants, trace, cancellation));

    async Task ICollectsSources.ListAsync(TenantSet tenants, CancellationToken cancellation)
    {
        if (_ring is null) return;
        // Other nodes go on telling of blocks that are over; what those became, who were so before the listing began, is in it.
        await _ring.PeerBlocks.LookForGoneAsync(tenants, cancellation).ConfigureAwait(false);
        await _ring.Blocklist.EnsureAsync(_time.GetTimestamp(), cancellation).ConfigureAwait(false);
        _ring.PeerBlocks.NoteListing(_ring.Blocklist.IsSince);
    }
}
