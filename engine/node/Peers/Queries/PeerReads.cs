using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Wire;
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
/// <param name="peers">The others.</param>
/// <param name="state">What this node has itself.</param>
/// <param name="blocklist">Lists the store.</param>
/// <param name="blocks">Opens what a node named.</param>
/// <param name="mirrors">Copies of what others have.</param>
/// <param name="time">What time it is.</param>
internal sealed class PeerReads(
    IPeers peers, NodeState state, Blocklist blocklist, PeerBlocks blocks, LiveMirrors mirrors, TimeProvider time)
{
    private readonly Lock _lock = new();

    // Which nodes have answered, as what; and when the store must have been listed at the earliest.
    private readonly Dictionary<string, ulong> _seen = new(StringComparer.Ordinal);
    private long _listedFrom = time.GetTimestamp();

    /// <summary>For a query that looks at everything, or for one trace.</summary>
    public async Task<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation)
    {
        var holders = peers.Holders;
        var query = new PeerQuery(peers, time);
        var answering = query.Answering(holders);
        using var span = answering.Count == 0 ? null : ProcessSpans.Start("ask other nodes");
        await query.TakeAsync(Ask(answering, tenants, trace, cancellation), cancellation).ConfigureAwait(false);
        var lease = new PeerBlocks.Lease(blocks);
        try
        {
            bool isListed;
            List<BlockHandle>? opened;
            do
            {
                await query.CompleteAsync(cancellation).ConfigureAwait(false);

                // Behind all answers: one that was asked once more may have begun anew, and tells nothing of what it had.
                isListed = await blocklist.EnsureAsync(ListedFrom(holders, query.Parts), cancellation).ConfigureAwait(false);
                opened = await TryOpenAsync(query, lease, cancellation).ConfigureAwait(false);
            }
            while (opened is null);

            if (trace is null) mirrors.Judge(tenants, holders, query.Silent);
            return new AddedSources(query.Live, opened, DamageOf(query, isListed)) { Lease = lease };
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private Dictionary<IPeer, Task<PeerPart[]>> Ask(
        IReadOnlyList<IPeer> answering, TenantSet tenants, TraceId? trace, CancellationToken cancellation)
    {
        var asked = answering.ToDictionary(static peer => peer, static _ => new List<Task<PeerPart>>());
        foreach (var tenant in tenants.Tenants)
        {
            if (trace is { } id) foreach (var peer in answering) asked[peer].Add(FindAsync(peer, tenant, id, cancellation));
            else foreach (var (peer, part) in mirrors.Refresh(tenant, answering)) asked[peer].Add(part);
        }

        return asked.ToDictionary(static one => one.Key, static one => Task.WhenAll(one.Value));
    }

    private string DamageOf(PeerQuery query, bool isListed)
    {
        if (query.Silent.Count > 0 && !peers.AreCovered(query.Silent))
            return $"spans that are on {string.Join(", ", query.Silent.Order(StringComparer.Ordinal))} alone are missing: {(query.Failure.Length > 0 ? query.Failure : "it does not answer")}";
        if (query.Parts.FirstOrDefault(static part => part.Damage.Length > 0) is { } damaged) return damaged.Damage;
        if (isListed) return "";
        return blocklist.LastError is { Length: > 0 } error
            ? $"the store could not be listed since a node came or went: {error}"
            : "the store lists late (storage.trace.listing_delay), and what a node that came or went left in it may not be listed yet";
    }

    // Null: a node has gone since it answered, and is silent now.
    private async Task<List<BlockHandle>?> TryOpenAsync(PeerQuery query, PeerBlocks.Lease lease, CancellationToken cancellation)
    {
        var known = state.BlocksCovered();
        var opened = new List<BlockHandle>();
        foreach (var part in query.Parts)
        {
            try
            {
                opened.AddRange(await blocks.OpenAsync(part, known, lease, cancellation).ConfigureAwait(false));
            }
            catch (PeerException e)
            {
                // What it had uploaded is in the store; what it had not may be on others.
                if (await ListAsync(part, cancellation).ConfigureAwait(false)) continue;
                query.Lose(part, e.Message);
                return null;
            }
        }

        return opened;
    }

    // True if this node's own view has all blocks that a node named, or what has become of them since.
    private async Task<bool> ListAsync(PeerPart part, CancellationToken cancellation)
    {
        if (!await blocklist.EnsureAsync(time.GetTimestamp(), cancellation).ConfigureAwait(false)) return false;
        var known = state.BlocksCovered();
        return part.Blocks.All(block => !block.IsWaiting || known.Contains(block.Id));
    }

    private static async Task<PeerPart> FindAsync(IPeer peer, TenantId tenant, TraceId trace, CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(16 * 1024);
        await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(new PeerMessages.LiveQuestion { Tenant = tenant, Trace = trace }),
            answer, cancellation).ConfigureAwait(false);
        var live = PeerMessages.DecodeLiveAnswer(answer.Written);
        var batch = new LiveBatch();
        foreach (var rows in live.Batches) MirroredBatch.Append(batch, answer.Written[rows.Otlp]);
        return new PeerPart(peer, live.Incarnation, batch.Columns.SpanCount == 0 ? [] : [batch.View()], live.Blocks, live.Damage);
    }

    // A node that began anew tells nothing of what it uploaded before; one that is gone tells nothing at all.
    private long ListedFrom(IReadOnlyList<IPeer> holders, IReadOnlyList<PeerPart> parts)
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

            if (isChanged) _listedFrom = time.GetTimestamp();
            return _listedFrom;
        }
    }
}
