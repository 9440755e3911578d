using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>The copies of other nodes' live data of one tenant. Thread safe.</summary>
/// <param name="tenant">Of whom.</param>
/// <param name="state">What this node has itself.</param>
/// <param name="known">What queries have from where; null: spans have no copies.</param>
/// <param name="spans">Counts spans that were copied and that were not, because they are known.</param>
/// <param name="time">Measures how long nobody asks.</param>
internal sealed class TenantMirrors(TenantId tenant, NodeState state, KnownSpans? known, CounterFamily spans, TimeProvider time)
{
    /// <summary>Copies that no query asked for are let go after this.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, PeerMirror> _mirrors = new(StringComparer.Ordinal);
    private readonly OwnSpans? _own = known is null ? null : new OwnSpans(tenant, state, known);
    private long _usedAt = time.GetTimestamp();

    /// <summary>No query has asked for any of them lately.</summary>
    public bool IsUnused => IsOver(Volatile.Read(ref _usedAt));

    /// <summary>Bytes of the copies (<see cref="PeerMirror.ByteCount"/>).</summary>
    public long ByteCount
    {
        get
        {
            lock (_lock) return _mirrors.Values.Sum(static mirror => mirror.ByteCount);
        }
    }

    /// <summary>A query is about to ask.</summary>
    public void Use() => Volatile.Write(ref _usedAt, time.GetTimestamp());

    /// <summary>For a query: asks each of these for all that was acknowledged there before (<see cref="PeerMirror.RefreshAsync"/>).</summary>
    public List<(IPeer Peer, Task<PeerPart> Part)> Refresh(IReadOnlyList<IPeer> peers)
    {
        _own?.Tell();
        lock (_lock)
        {
            foreach (var (name, _) in _mirrors.Where(entry => IsOver(entry.Value.UsedAt)).ToList()) LetGo(name);
            var round = known?.NewRound() ?? 0;
            return [.. peers.Select(peer => (peer, Of(peer).RefreshAsync(round)))];
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
    public void NoteOwn(Generation leaving) => _own?.Tell(leaving);

    /// <summary>Nobody asks any more.</summary>
    public void LetGo()
    {
        lock (_lock)
            foreach (var name in _mirrors.Keys.ToList())
                LetGo(name);
    }

    private PeerMirror Of(IPeer peer)
    {
        if (_mirrors.TryGetValue(peer.Name, out var mirror))
        {
            if (mirror.Peer == peer) return mirror;
            LetGo(peer.Name);
        }

        return _mirrors[peer.Name] = new PeerMirror(peer, tenant, _lock, known, spans, time);
    }

    private void LetGo(string name)
    {
        _mirrors[name].GiveUp();
        _mirrors.Remove(name);
    }

    private bool IsOver(long usedAt) => time.GetElapsedTime(usedAt) > Unused;
}
