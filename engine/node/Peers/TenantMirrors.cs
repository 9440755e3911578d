using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers;

/// <summary>The copies of other nodes' live data of one tenant, and what all of them and this node have together. Thread safe.</summary>
internal sealed class TenantMirrors(TenantId tenant, NodeState state, bool hasCopies, CounterFamily spans, TimeProvider time)
{
    /// <summary>Copies that no query asked for are let go after this.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, PeerMirror> _mirrors = new(StringComparer.Ordinal);
    private readonly KnownSpans? _known = hasCopies ? new KnownSpans(time) : null;

    /// <summary>No query has asked for any of them lately.</summary>
    public bool IsUnused
    {
        get
        {
            lock (_lock) return _mirrors.Values.All(IsOver);
        }
    }

    /// <summary>Request bytes of the copies.</summary>
    public long ByteCount
    {
        get
        {
            lock (_lock) return _mirrors.Values.Sum(static mirror => mirror.ByteCount);
        }
    }

    /// <summary>For a query: asks each of these for all that was acknowledged there before (<see cref="PeerMirror.RefreshAsync"/>).</summary>
    public List<(IPeer Peer, Task<PeerPart> Part)> Refresh(IReadOnlyList<IPeer> peers, TimeSpan patience)
    {
        if (_known is not null) NoteOwn();
        lock (_lock)
        {
            foreach (var (name, _) in _mirrors.Where(entry => IsOver(entry.Value)).ToList()) LetGo(name);
            var round = _known?.NewRound() ?? 0;
            return [.. peers.Select(peer => (peer, Of(peer).RefreshAsync(round, patience)))];
        }
    }

    /// <summary>Whether a peer has answered a query in time: others may rely on what it has, or not any more.</summary>
    public void Judge(string peer, bool isInTime)
    {
        lock (_lock)
        {
            if (!_mirrors.TryGetValue(peer, out var mirror)) return;
            if (isInTime) mirror.Trust();
            else mirror.GiveUp();
        }
    }

    /// <summary>Notes that this node has the generation's spans itself: it is about to become blocks.</summary>
    public void NoteOwn(Generation leaving)
    {
        if (_known is null) return;
        var live = new List<LiveBatchView>();
        leaving.Live.CollectBatches(tenant, live);
        _known.AddOwn(live, isAll: false);
    }

    private void NoteOwn()
    {
        using var lease = state.Acquire();
        var live = new List<LiveBatchView>();
        foreach (var generation in lease.View.Generations) generation.Live.CollectBatches(tenant, live);
        _known!.AddOwn(live, isAll: true);
    }

    private PeerMirror Of(IPeer peer)
    {
        if (_mirrors.TryGetValue(peer.Name, out var known))
        {
            if (known.Peer == peer) return known;
            LetGo(peer.Name);
        }

        return _mirrors[peer.Name] = new PeerMirror(peer, tenant, _known, spans, time);
    }

    private void LetGo(string name)
    {
        _mirrors[name].GiveUp();
        _mirrors.Remove(name);
    }

    private bool IsOver(PeerMirror mirror) => time.GetElapsedTime(mirror.UsedAt) > Unused;
}
