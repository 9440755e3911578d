using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers.Queries;

/// <summary>
/// Collects for a query what other nodes have and the shared store has not:
/// <code>
/// 1 ask      all nodes that may hold spans, at once; the answer of each is of one moment
/// 2 wait     for all; once those that are missing are covered by the others, only a little longer
/// 3 complete what one left out because another one has it, if that one did not answer
/// 4 list     the store, if a node has come or gone since it was listed last: what that node told nobody is in it
/// 5 open     the blocks that a node named and that this node's own view does not have, nor what compaction made of them
/// </code>
/// What is collected is added to the view that is taken after it, as live batches and blocks like any other. A span that several
/// nodes have is one span, as one that is in live data and in a block is.
/// </summary>
internal sealed class PeerReads
{
    private readonly IPeers _peers;
    private readonly NodeState _state;
    private readonly Blocklist _blocklist;
    private readonly PeerBlocks _blocks;
    private readonly PeerWait _wait;
    private readonly LiveMirrors _mirrors;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    // Which nodes have answered, as what; and when the store must have been listed at the earliest.
    private readonly Dictionary<string, ulong> _seen = new(StringComparer.Ordinal);
    private long _listedFrom;

    /// <param name="peers">The others.</param>
    /// <param name="state">What this node has itself.</param>
    /// <param name="blocklist">Lists the store.</param>
    /// <param name="blocks">Opens what a node named.</param>
    /// <param name="spans">Counts live spans that were copied and that were not, because they are known.</param>
    /// <param name="time">What time it is.</param>
    public PeerReads(IPeers peers, NodeState state, Blocklist blocklist, PeerBlocks blocks, CounterFamily spans, TimeProvider time)
    {
        (_peers, _state, _blocklist, _blocks, _time, _listedFrom) = (peers, state, blocklist, blocks, time, time.GetTimestamp());
        _wait = new PeerWait(peers, time);
        _mirrors = new LiveMirrors(state, peers.HasCopies, spans, time);
    }

    /// <summary>Bytes of the copies (<see cref="LiveMirrors.ByteCount"/>).</summary>
    public long MirroredBytes => _mirrors.ByteCount;

    /// <summary>For a query that looks at everything, or for one trace.</summary>
    public async Task<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation)
    {
        var holders = _peers.Holders;
        var silent = new HashSet<string>(_peers.Lost, StringComparer.Ordinal);
        var answering = new List<IPeer>();
        foreach (var peer in holders)
        {
            if (peer.IsSuspect) silent.Add(peer.Name);
            else answering.Add(peer);
        }

        using var span = answering.Count == 0 ? null : ProcessSpans.Start("ask other nodes");
        var asked = Ask(answering, tenants, trace, cancellation);
        var failure = await _wait.ForAsync(asked, silent, cancellation).ConfigureAwait(false);
        var parts = new List<PeerPart>();
        foreach (var (peer, answer) in asked)
            if (!silent.Contains(peer.Name))
                parts.AddRange(await answer.ConfigureAwait(false));
        bool isListed;
        var live = new List<LiveBatchView>();
        var opened = new List<BlockHandle>();
        while (true)
        {
            if (await PeerParts.CompleteAsync(parts, silent, _wait, cancellation).ConfigureAwait(false) is { Length: > 0 } why) failure = why;

            // Behind all answers: one that was asked once more may have begun anew, and tells nothing of what it had.
            Note(holders, parts);
            isListed = await _blocklist.EnsureAsync(Volatile.Read(ref _listedFrom), cancellation).ConfigureAwait(false);
            opened.Clear();
            if (await OpenAsync(parts, opened, silent, cancellation).ConfigureAwait(false) is { } gone)
            {
                // What others left out because of it is missing now. Its spans in memory are better than none.
                live.AddRange(gone.Part.Live);
                parts.Remove(gone.Part);
                failure = gone.Why;
                continue;
            }

            live.AddRange(parts.SelectMany(static part => part.Live));
            break;
        }

        if (trace is null) _mirrors.Judge(tenants, holders, silent);
        return new AddedSources(live, opened, DamageOf(silent, failure, parts, isListed));
    }

    private Dictionary<IPeer, Task<PeerPart[]>> Ask(IReadOnlyList<IPeer> holders, TenantSet tenants, TraceId? trace, CancellationToken cancellation)
    {
        var asked = holders.ToDictionary(static peer => peer, static _ => new List<Task<PeerPart>>());
        foreach (var tenant in tenants.Tenants)
        {
            if (trace is { } id) foreach (var peer in holders) asked[peer].Add(FindAsync(peer, tenant, id, cancellation));
            else foreach (var (peer, part) in _mirrors.Of(tenant).Refresh(holders)) asked[peer].Add(part);
        }

        return asked.ToDictionary(static one => one.Key, static one => Task.WhenAll(one.Value));
    }

    private string DamageOf(HashSet<string> silent, string failure, List<PeerPart> parts, bool isListed)
    {
        if (silent.Count > 0 && !_peers.AreCovered(silent))
            return $"spans that are on {string.Join(", ", silent.Order(StringComparer.Ordinal))} alone are missing: {(failure.Length > 0 ? failure : "it does not answer")}";
        if (parts.FirstOrDefault(static part => part.Damage.Length > 0) is { } damaged) return damaged.Damage;
        if (isListed) return "";
        return _blocklist.LastError is { Length: > 0 } error
            ? $"the store could not be listed since a node came or went: {error}"
            : "the store lists late (storage.trace.listing_delay), and what a node that came or went left in it may not be listed yet";
    }

    // The first one whose blocks cannot be opened, and are not known otherwise.
    private async Task<(PeerPart Part, string Why)?> OpenAsync(List<PeerPart> parts, List<BlockHandle> opened, HashSet<string> silent, CancellationToken cancellation)
    {
        var known = _state.BlocksCovered();
        foreach (var part in parts)
        {
            try
            {
                opened.AddRange(await _blocks.OpenAsync(part, known, cancellation).ConfigureAwait(false));
            }
            catch (PeerException e)
            {
                // It has gone since it answered. What it had uploaded is in the store; what it had not may be on others.
                if (await ListAsync(part, cancellation).ConfigureAwait(false)) continue;
                silent.Add(part.Peer.Name);
                return (part, e.Message);
            }
        }

        return null;
    }

    // True if this node's own view has all blocks that a node named, or what has become of them since.
    private async Task<bool> ListAsync(PeerPart part, CancellationToken cancellation)
    {
        if (!await _blocklist.EnsureAsync(_time.GetTimestamp(), cancellation).ConfigureAwait(false)) return false;
        var known = _state.BlocksCovered();
        return part.Blocks.All(block => !block.IsLocal || known.Contains(block.Id));
    }

    private static async Task<PeerPart> FindAsync(IPeer peer, TenantId tenant, TraceId trace, CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(16 * 1024);
        await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(new PeerMessages.LiveQuestion { Tenant = tenant, Trace = trace }), answer, cancellation).ConfigureAwait(false);
        var live = PeerMessages.DecodeLiveAnswer(answer.Written);
        var batch = new LiveBatch();
        foreach (var rows in live.Batches) MirroredBatch.Append(batch, answer.Written[rows.Otlp]);
        return new PeerPart(peer, live.Incarnation, batch.Columns.SpanCount == 0 ? [] : [new LiveBatchView(batch, batch.Columns.Snapshot())], live.Blocks, live.Damage);
    }

    // A node that began anew tells nothing of what it uploaded before; one that is gone tells nothing at all.
    private void Note(IReadOnlyList<IPeer> holders, List<PeerPart> parts)
    {
        lock (_lock)
        {
            var isChanged = false;
            foreach (var gone in _seen.Keys.Except(holders.Select(static peer => peer.Name)).ToList()) isChanged |= _seen.Remove(gone);
            foreach (var part in parts)
            {
                isChanged |= !_seen.TryGetValue(part.Peer.Name, out var incarnation) || incarnation != part.Incarnation;
                _seen[part.Peer.Name] = part.Incarnation;
            }

            if (isChanged) Volatile.Write(ref _listedFrom, _time.GetTimestamp());
        }
    }
}
