using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>The copies of other nodes' live data that queries work on, of all tenants. Thread safe.</summary>
internal sealed class LiveMirrors
{
    private readonly NodeState _state;
    private readonly CounterFamily _spans;
    private readonly TimeProvider _time;
    private readonly KnownSpans? _known;
    private readonly Lock _lock = new();
    private readonly Dictionary<TenantId, TenantMirrors> _tenants = [];

    /// <param name="state">What this node has itself.</param>
    /// <param name="hasCopies">Whether spans are on several nodes.</param>
    /// <param name="spans">Counts live spans that were copied and that were not, because they are known.</param>
    /// <param name="time">Measures how long nobody asks.</param>
    public LiveMirrors(NodeState state, bool hasCopies, CounterFamily spans, TimeProvider time)
    {
        (_state, _spans, _time) = (state, spans, time);
        if (!hasCopies) return;
        _known = new KnownSpans(MemoryShares.OfThisProcess.KnownSpanBytes, time);
        state.Leaving += NoteOwn;
    }

    /// <summary>Request bytes of the copies, and what it takes to know what is in them.</summary>
    public long ByteCount
    {
        get
        {
            lock (_lock) return _tenants.Values.Sum(static mirrors => mirrors.ByteCount) + (_known?.ByteCount ?? 0);
        }
    }

    /// <summary>For a query that is about to ask.</summary>
    public TenantMirrors Of(TenantId tenant)
    {
        lock (_lock)
        {
            LetGoOfUnused(but: tenant);
            if (!_tenants.TryGetValue(tenant, out var mirrors)) _tenants.Add(tenant, mirrors = new TenantMirrors(tenant, _state, _known, _spans, _time));
            mirrors.Use();
            return mirrors;
        }
    }

    /// <summary>Whether these peers have answered a query in time (<see cref="TenantMirrors.Judge"/>).</summary>
    public void Judge(TenantSet tenants, IReadOnlyList<IPeer> peers, HashSet<string> silent)
    {
        foreach (var tenant in tenants.Tenants)
        {
            var mirrors = Of(tenant);
            foreach (var peer in peers) mirrors.Judge(peer.Name, isInTime: !silent.Contains(peer.Name));
        }
    }

    // Of tenants whom nobody queries nothing needs to be known.
    private void NoteOwn(Generation leaving)
    {
        TenantMirrors[] used;
        lock (_lock)
        {
            LetGoOfUnused();
            used = [.. _tenants.Values];
        }

        foreach (var mirrors in used)
        {
            try
            {
                mirrors.NoteOwn(leaving);
            }
            catch (Exception)
            {
                // Too little memory, say. What is not known is copied, and a cut must not fail because of it.
            }
        }
    }

    private void LetGoOfUnused(TenantId? but = null)
    {
        var unused = _tenants.Where(entry => entry.Key != but && entry.Value.IsUnused).ToList();
        foreach (var (tenant, mirrors) in unused)
        {
            mirrors.LetGo();
            _tenants.Remove(tenant);
        }

        if (unused.Count > 0 && _tenants.Count == 0) _known?.LetGo();
    }
}
