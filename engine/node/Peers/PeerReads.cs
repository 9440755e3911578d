using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers;

/// <summary>What other nodes add to the sources of a query.</summary>
internal sealed record PeerSources(IReadOnlyList<LiveBatchView> Live, IReadOnlyList<BlockHandle> Blocks, string Damage)
{
    public static readonly PeerSources None = new([], [], "");

    /// <summary>Sources together with the live batches of these, and what they say is missing.</summary>
    public TraceSources AddTo(TraceSources sources) =>
        this == None ? sources : sources with { Live = [.. sources.Live, .. Live], Damage = sources.Damage.Length > 0 ? sources.Damage : Damage };
}

/// <summary>
/// Collects for a query what other nodes have and the shared store has not:
/// <code>
/// 1 ask      all nodes that may hold spans, at once; the answer of each is of one moment
/// 2 wait     for all; once those that are missing are covered by the others, only a little longer
/// 3 list     the store, if a node has come or gone since it was listed last: what that node told nobody is in it
/// 4 open     the blocks that a node named and that this node's own view does not have, nor what compaction made of them
/// </code>
/// What is collected is added to the view that is taken after it, as live batches and blocks like any other. A span that several
/// nodes have is one span, as one that is in live data and in a block is.
/// </summary>
internal sealed class PeerReads(IPeers peers, NodeState state, Blocklist blocklist, PeerBlocks blocks, TimeProvider time)
{
    /// <summary>How much longer a query waits for nodes that it can do without.</summary>
    private static readonly TimeSpan WaitForCovered = TimeSpan.FromMilliseconds(250);

    /// <summary>A tenant's copies that no query asked for are let go after this.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Peer, TenantId Tenant), (IPeer Peer, PeerMirror Mirror)> _mirrors = [];

    // Which nodes have answered, as what; and when the store must have been listed at the earliest.
    private readonly Dictionary<string, ulong> _seen = new(StringComparer.Ordinal);
    private long _listedFrom = time.GetTimestamp();

    /// <summary>Request bytes of the copies.</summary>
    public long MirroredBytes
    {
        get
        {
            lock (_lock) return _mirrors.Values.Sum(static entry => entry.Mirror.ByteCount);
        }
    }

    /// <summary>For a query that looks at everything, or for one trace.</summary>
    public async Task<PeerSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation)
    {
        var holders = peers.Holders;
        var silent = new HashSet<string>(peers.Lost, StringComparer.Ordinal);
        var asked = new Dictionary<IPeer, Task<PeerPart[]>>();
        foreach (var peer in holders)
        {
            if (peer.IsSuspect) silent.Add(peer.Name);
            else asked.Add(peer, Task.WhenAll(tenants.Tenants.Select(tenant => trace is { } id ? FindAsync(peer, tenant, id, cancellation) : MirrorOf(peer, tenant).RefreshAsync(peers.Patience))));
        }

        await WaitAsync(asked, silent, cancellation).ConfigureAwait(false);
        var parts = new List<PeerPart>();
        var failure = "";
        foreach (var (peer, answer) in asked)
        {
            if (answer.IsCompletedSuccessfully)
            {
                parts.AddRange(answer.Result);
                continue;
            }

            silent.Add(peer.Name);
            if (answer.Exception is { InnerException: { } e }) failure = e.Message;
        }

        var damage = silent.Count > 0 && !peers.AreCovered(silent)
            ? $"spans that are on {string.Join(", ", silent.Order(StringComparer.Ordinal))} alone are missing: {(failure.Length > 0 ? failure : "it does not answer")}"
            : parts.FirstOrDefault(static part => part.Damage.Length > 0)?.Damage ?? "";
        Note(holders, parts);
        if (!await blocklist.EnsureAsync(Volatile.Read(ref _listedFrom), cancellation).ConfigureAwait(false) && damage.Length == 0)
            damage = blocklist.LastError is { Length: > 0 } error ? $"the store could not be listed since a node came or went: {error}" : "the store lists late (storage.trace.listing_delay), and what a node that came or went left in it may not be listed yet";
        var known = state.BlocksCovered();
        var opened = new List<BlockHandle>();
        foreach (var part in parts)
        {
            try
            {
                opened.AddRange(await blocks.OpenAsync(part, known, cancellation).ConfigureAwait(false));
            }
            catch (PeerException e)
            {
                // It has gone since it answered. What it had uploaded is in the store; what it had not may be on others.
                if (await ListAsync(part, cancellation).ConfigureAwait(false)) continue;
                silent.Add(part.Peer.Name);
                if (damage.Length == 0 && !peers.AreCovered(silent)) damage = e.Message;
            }
        }

        return new PeerSources([.. parts.SelectMany(static part => part.Live)], opened, damage);
    }

    // True if this node's own view has all blocks that a node named, or what has become of them since.
    private async Task<bool> ListAsync(PeerPart part, CancellationToken cancellation)
    {
        if (!await blocklist.EnsureAsync(time.GetTimestamp(), cancellation).ConfigureAwait(false)) return false;
        var known = state.BlocksCovered();
        return part.Blocks.All(block => !block.IsLocal || known.Contains(block.Id));
    }

    private async Task WaitAsync(Dictionary<IPeer, Task<PeerPart[]>> asked, HashSet<string> silent, CancellationToken cancellation)
    {
        // Within its patience each one answers or fails.
        var all = Task.WhenAll(asked.Values);
        while (true)
        {
            Task[] running = [.. asked.Values.Where(static answer => !answer.IsCompleted)];
            if (running.Length == 0) break;
            var open = asked.Where(static answer => !answer.Value.IsCompletedSuccessfully).Select(static answer => answer.Key.Name).Concat(silent).ToHashSet(StringComparer.Ordinal);
            if (peers.AreCovered(open))
            {
                using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                await Task.WhenAny(all, Task.Delay(WaitForCovered, time, enough.Token)).ConfigureAwait(false);
                await enough.CancelAsync().ConfigureAwait(false);
                break;
            }

            await Task.WhenAny(running).WaitAsync(cancellation).ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private async Task<PeerPart> FindAsync(IPeer peer, TenantId tenant, TraceId trace, CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(16 * 1024);
        using var late = new CancellationTokenSource(peers.Patience, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(new PeerMessages.LiveQuestion { Tenant = tenant, Trace = trace }), answer, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new PeerException($"{peer.Name} did not answer within {peers.Patience.TotalSeconds:0.#} s", e);
        }

        var live = PeerMessages.DecodeLiveAnswer(answer.Written);
        var batch = new LiveBatch();
        foreach (var (_, _, otlp) in live.Batches) PeerMirror.Append(batch, answer.Written[otlp]);
        return new PeerPart(peer, live.Incarnation, batch.Columns.SpanCount == 0 ? [] : [new LiveBatchView(batch, batch.Columns.Snapshot())], live.Blocks, live.Damage);
    }

    private PeerMirror MirrorOf(IPeer peer, TenantId tenant)
    {
        lock (_lock)
        {
            foreach (var (key, old) in _mirrors.Where(entry => time.GetElapsedTime(entry.Value.Mirror.UsedAt) > Unused).ToList()) _mirrors.Remove(key);
            if (_mirrors.TryGetValue((peer.Name, tenant), out var known) && known.Peer == peer) return known.Mirror;
            var mirror = new PeerMirror(peer, tenant, time);
            _mirrors[(peer.Name, tenant)] = (peer, mirror);
            return mirror;
        }
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

            if (isChanged) Volatile.Write(ref _listedFrom, time.GetTimestamp());
        }
    }
}
