using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>The copies of other nodes' live data that queries work on, by tenant and node. Thread safe.</summary>
internal sealed class LiveMirrors
{
    /// <summary>Copies that no query asked for are let go after this.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(2);

    private readonly NodeState _state;
    private readonly KnownSpans? _known;
    private readonly CounterFamily _spans;
    private readonly TimeProvider _time;

    // Held while turns are begun, too (PeerMirror).
    private readonly Lock _lock = new();
    private readonly Dictionary<TenantId, Tenant> _tenants = [];

    /// <param name="state">What this node has itself.</param>
    /// <param name="known">What queries have from where; null: spans have no copies.</param>
    /// <param name="spans">Counts live spans that were copied and that were not, because they are known.</param>
    /// <param name="time">Measures how long nobody asks.</param>
    public LiveMirrors(NodeState state, KnownSpans? known, CounterFamily spans, TimeProvider time)
    {
        (_state, _known, _spans, _time) = (state, known, spans, time);
        if (known is not null) state.Leaving += NoteOwn;
    }

    /// <summary>Request bytes of the copies, and what it takes to know what is in them.</summary>
    public long ByteCount
    {
        get
        {
            lock (_lock)
                return _tenants.Values.SelectMany(static tenant => tenant.Mirrors.Values).Sum(static mirror => mirror.ByteCount)
                    + (_known?.ByteCount ?? 0);
        }
    }

    /// <summary>
    /// For a query: asks each of these for what was acknowledged there before of a tenant's spans (<see cref="PeerMirror.RefreshAsync"/>).
    /// </summary>
    public List<(IPeer Peer, Task<PeerPart> Part)> Refresh(TenantId id, IReadOnlyList<IPeer> peers)
    {
        var tenant = Use(id);
        tenant.Own?.Tell();
        lock (_lock)
        {
            foreach (var (name, mirror) in tenant.Mirrors.Where(entry => IsOver(entry.Value.UsedAt)).ToList())
            {
                mirror.GiveUp();
                tenant.Mirrors.Remove(name);
            }

            var round = _known?.NewRound() ?? 0;
            return [.. peers.Select(peer => (peer, MirrorOf(id, tenant, peer).RefreshAsync(round)))];
        }
    }

    /// <summary>Whether these have answered a query in time: others may rely on what they have, or not any more.</summary>
    public void Judge(TenantSet tenants, IReadOnlyList<IPeer> peers, IReadOnlySet<string> silent)
    {
        lock (_lock)
        {
            foreach (var id in tenants.Tenants)
            {
                if (!_tenants.TryGetValue(id, out var tenant)) continue;
                foreach (var peer in peers)
                {
                    if (!tenant.Mirrors.TryGetValue(peer.Name, out var mirror)) continue;
                    if (silent.Contains(peer.Name)) mirror.GiveUp();
                    else mirror.Trust();
                }
            }
        }
    }

    // In use before it has asked anyone: a cut meanwhile is noted.
    private Tenant Use(TenantId id)
    {
        lock (_lock)
        {
            if (!_tenants.TryGetValue(id, out var tenant))
                _tenants.Add(id, tenant = new Tenant(_known is null ? null : new OwnSpans(id, _state, _known)));
            tenant.UsedAt = _time.GetTimestamp();
            LetGoOfUnused();
            return tenant;
        }
    }

    // What is about to become blocks. Of tenants whom nobody queries nothing needs to be known.
    private void NoteOwn(Generation leaving)
    {
        Tenant[] used;
        lock (_lock)
        {
            LetGoOfUnused();
            used = [.. _tenants.Values];
        }

        foreach (var tenant in used)
        {
            try
            {
                tenant.Own?.Tell(leaving);
            }
            catch (Exception)
            {
                // Too little memory, say. What is not known is copied, and a cut must not fail because of it.
            }
        }
    }

    private PeerMirror MirrorOf(TenantId id, Tenant tenant, IPeer peer)
    {
        if (tenant.Mirrors.TryGetValue(peer.Name, out var mirror))
        {
            if (mirror.Peer == peer) return mirror;
            mirror.GiveUp(); // a node that came back is another peer of the same name
        }

        return tenant.Mirrors[peer.Name] = new PeerMirror(peer, id, _lock, _known, _spans, _time);
    }

    private void LetGoOfUnused()
    {
        var unused = _tenants.Where(tenant => IsOver(tenant.Value.UsedAt)).ToList();
        foreach (var (id, tenant) in unused)
        {
            foreach (var mirror in tenant.Mirrors.Values) mirror.GiveUp();
            _tenants.Remove(id);
        }

        if (unused.Count > 0 && _tenants.Count == 0) _known?.LetGo();
    }

    private bool IsOver(long usedAt) => _time.GetElapsedTime(usedAt) > Unused;

    private sealed class Tenant(OwnSpans? own)
    {
        /// <summary>Null: spans have no copies.</summary>
        public OwnSpans? Own => own;

        public Dictionary<string, PeerMirror> Mirrors { get; } = new(StringComparer.Ordinal);

        public long UsedAt { get; set; }
    }
}
