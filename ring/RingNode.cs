using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Hashing;
using Tempo.Ring.Membership;
using Tempo.Ring.Membership.Etcd;
using Tempo.Ring.Peers;
using Tempo.Ring.Routing;

namespace Tempo.Ring;

/// <summary>
/// This node's place in the ring, over its life:
/// <code>
/// start     its name is not known yet; compaction asks whom the windows belong to
/// join      JOINING: the others' queries ask it; it waits until those that are there say so, never for one that is not
/// activate  ACTIVE: it is given spans
/// leave     LEAVING: it is given nothing new; what it has goes to the shared store; then it says that it is drained, and goes
/// </code>
/// </summary>
public sealed class RingNode : IPeers, IMaintenanceOwner, IClusterShare, IAsyncDisposable
{
    private static readonly TimeSpan JoinInterval = TimeSpan.FromMilliseconds(100);
    private readonly RingOptions _options;
    private readonly IMembership _membership;
    private readonly IPeerTransport _transport;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _pinging;
    private readonly Lock _lock = new();
    private volatile RingSnapshot _snapshot = RingSnapshot.Empty;
    private volatile Member _self;
    private volatile IMember? _local;

    private RingNode(
        RingOptions options, IMembership membership, Func<Func<PeerGreeting>, IPeerTransport> transport, MetricRegistry registry, Log log,
        TimeProvider time)
    {
        (_options, _membership, _log, _time) = (options, membership, log, time);
        _self = new Member(options.InstanceId, options.Address, options.Zone, MemberState.Joining, options.Roles,
            options.TokenCount)
        { RegisteredAt = time.GetUtcNow().ToUnixTimeSeconds() };
        _transport = transport(() => new PeerGreeting(_self.Id, _self.State, _self.IsDrained));
        AddGauges(registry);
        _pinging = PingAsync(_stop.Token);
    }

    /// <summary>This node as the others see it.</summary>
    public Member Self => _self;

    public RingOptions Options => _options;

    /// <summary>False once it leaves: what it took then would go to the store after it has said that all is there.</summary>
    public bool TakesSpans => _self.State != MemberState.Leaving;

    /// <summary>How membership is known, for people.</summary>
    public string MembershipText => _membership.Describe();

    public RoutingTable Routing => Snapshot().Routing;

    public IReadOnlyList<IPeer> Holders => Snapshot().HoldersNow;

    public IReadOnlyList<string> Lost => _membership.View.Lost;

    public string Name => _self.Id;

    public bool AnswersSlices => _self is { State: MemberState.Active, IsQuerier: true };

    public IReadOnlyList<IPeer> Queriers
    {
        get
        {
            var snapshot = Snapshot();
            return [.. snapshot.View.Members.Where(static member => member is { IsQuerier: true, State: MemberState.Active })
                .Select(member => snapshot.Peers.GetValueOrDefault(member.Id)).OfType<Peer>().Where(static peer => peer.TakesSlices)];
        }
    }

    // Each node that is there has the same part: senders are spread over those that receive, and traces over those that hold.
    public double OfReceived =>
        1.0 / Math.Max(1, Snapshot().View.Members.Count(static member => member is { IsReceiver: true, State: MemberState.Active }));

    public double OfTraces => Math.Min(1, (double)_options.ReplicationFactor / Math.Max(1, Snapshot().Routing.Ring.Members.Count));

    public bool OwnsStore => Owns(RingHash.Of("|store|", 0));

    public static RingNode Start(RingOptions options, MetricRegistry registry, Log log, TimeProvider time, Random random)
    {
        IMembership membership = options.Etcd is { } etcd
            ? new EtcdMembership(etcd, options.LostKept, log, time, random)
            : new StaticMembership(options.StaticMembers);
        return Start(options, membership, greeting => new PeerTransport(options.Peers, greeting), registry, log, time);
    }

    /// <summary>The same with another way to hear of the members, and to reach them; both become the node's.</summary>
    /// <param name="transport">Made of who asks, which goes with every ping.</param>
    public static RingNode Start(
        RingOptions options, IMembership membership, Func<Func<PeerGreeting>, IPeerTransport> transport, MetricRegistry registry, Log log,
        TimeProvider time) =>
            new(options, membership, transport, registry, log, time);

    /// <summary>
    /// Says its name, and returns when the others that are there ask it in their queries. The node can answer them by now.
    /// </summary>
    public async Task JoinAsync(TempoNode node, MetricRegistry registry, Func<bool> isStopping)
    {
        node.Join(this, registry);
        if (_self.IsHolder) _local = new LocalMember(_self.Id, node, () => TakesSpans);
        for (var waits = 0; !_membership.IsHeard; waits++)
        {
            // Alone it would take everything and find half of it.
            if (waits % 50 == 0 && waits > 0) _log.Warn("waiting to hear who is in the ring", ("from", _membership.Describe()));
            if (isStopping()) throw new OperationCanceledException("asked to stop");
            await Task.Delay(JoinInterval, _time).ConfigureAwait(false);
        }

        // After it has heard what it said in its last life: that may have been with another disk.
        _self = _self with { Log = node.LogIdentity.ToString("x", System.Globalization.CultureInfo.InvariantCulture) };
        await _membership.AnnounceAsync(_self, CancellationToken.None).ConfigureAwait(false);
        using var deadline = new CancellationTokenSource(_options.JoinTimeout, _time);
        try
        {
            while (true)
            {
                var peers = Snapshot().Peers.Values.ToArray();
                await Task.WhenAll(peers.Select(peer => peer.PingAsync(deadline.Token))).ConfigureAwait(false);
                if (Array.TrueForAll(peers, static peer => peer.IsSuspect || peer.KnowsUs) || !_self.IsHolder) break;
                await Task.Delay(JoinInterval, _time, deadline.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            _log.Warn("some members do not know this one yet", ("after", _options.JoinTimeout));
        }
    }

    /// <summary>From here on it is given spans.</summary>
    public Task ActivateAsync(CancellationToken cancellation) => AnnounceAsync(MemberState.Active, isDrained: false, cancellation);

    /// <summary>
    /// Takes nothing new, brings what it has to the shared store if it can in time, and takes its name out. Reads are answered
    /// until this returns.
    /// </summary>
    public async Task LeaveAsync(TempoNode node, CancellationToken cancellation)
    {
        try
        {
            await AnnounceAsync(MemberState.Leaving, isDrained: false, cancellation).ConfigureAwait(false);
            await Task.WhenAll(Snapshot().Peers.Values.Select(peer => peer.PingAsync(cancellation))).ConfigureAwait(false);
            await node.DrainAsync(cancellation).ConfigureAwait(false);
            await AnnounceAsync(MemberState.Leaving, isDrained: true, cancellation).ConfigureAwait(false);
            await Task.WhenAll(Snapshot().Peers.Values.Select(peer => peer.PingAsync(cancellation))).ConfigureAwait(false);
            _log.Info("the ring was left, all spans are in the shared store");
        }
        catch (Exception e) when (e is not OperationCanceledException || cancellation.IsCancellationRequested)
        {
            _log.Warn("the ring is left with spans that are not in the shared store; they are in the log and come back with this node",
                ("err", e.Message));
        }

        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);
            await _membership.LeaveAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _log.Warn("the name could not be taken out of the ring; it is forgotten by itself", ("err", e.Message));
        }
    }

    /// <summary>What a node that greets this one is answered.</summary>
    public PeerGreeting Greet(PeerGreeting other)
    {
        var isKnown = false;
        if (Snapshot().Peers.TryGetValue(other.Id, out var peer))
        {
            // What it said of us is in its answer to our own ping.
            peer.Hear(other with { KnowsYou = peer.KnowsUs });
            isKnown = Snapshot().HoldersNow.Contains(peer);
        }

        return new PeerGreeting(_self.Id, _self.State, _self.IsDrained, isKnown);
    }

    public bool HasCopies => _options.ReplicationFactor > 1;

    public bool AreCovered(IReadOnlyCollection<string> silent) => silent.Count < OwnerSet.QuorumOf(_options.ReplicationFactor);

    public bool OwnsWindow(TenantId tenant, long window) => Owns(RingHash.Of(tenant.Value, window));

    public bool OwnsTenant(TenantId tenant) => Owns(RingHash.Of(tenant.Value, -1));

    /// <summary>The members now, each with what this node knows of it.</summary>
    public IReadOnlyList<(Member Member, Peer? Peer)> Describe()
    {
        var snapshot = Snapshot();
        return [.. snapshot.View.Members.Select(member => (member, snapshot.Peers.GetValueOrDefault(member.Id)))];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _pinging.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _membership.DisposeAsync().ConfigureAwait(false);
        foreach (var peer in _snapshot.Peers.Values) peer.Dispose();
        _transport.Dispose();
        _stop.Dispose();
    }

    private Task AnnounceAsync(MemberState state, bool isDrained, CancellationToken cancellation)
    {
        _self = _self with { State = state, IsDrained = isDrained };
        return _membership.AnnounceAsync(_self, cancellation);
    }

    private bool Owns(uint place)
    {
        var snapshot = Snapshot();
        if (!_self.IsCompactor || _self.State != MemberState.Active || snapshot.Compactors.IsEmpty) return false;
        foreach (var owner in snapshot.Compactors.OwnersOf(place).Owners)
        {
            if (owner.Id == _self.Id) return true;
            if (snapshot.Peers.TryGetValue(owner.Id, out var peer) && !peer.IsSuspect) return false;
        }

        return false;
    }

    // Made anew when the view of the members is another one.
    private RingSnapshot Snapshot()
    {
        var snapshot = _snapshot;
        var view = _membership.View;
        if (snapshot.View == view && snapshot.Local == _local) return snapshot;
        lock (_lock)
        {
            view = _membership.View;
            return _snapshot.View == view && _snapshot.Local == _local ? _snapshot : _snapshot = Build(view, _snapshot);
        }
    }

    private RingSnapshot Build(MembershipView view, RingSnapshot before)
    {
        var peers = new Dictionary<string, Peer>(StringComparer.Ordinal);
        foreach (var member in view.Members)
            if (member.Id != _self.Id)
                peers.Add(member.Id, before.Peers.GetValueOrDefault(member.Id) is { } known && known.Member.Address == member.Address
                    ? known
                    : new Peer(member, _transport, _options.Peers, _log, _time));
        foreach (var (id, peer) in before.Peers)
            if (peers.GetValueOrDefault(id) != peer)
                peer.Dispose();
        var members = peers.ToDictionary(static peer => peer.Key, static peer => (IMember)peer.Value, StringComparer.Ordinal);
        if (_local is { } local) members.Add(_self.Id, local);
        var holders = view.Members.Where(
            member => member is { IsHolder: true, State: MemberState.Active } && members.ContainsKey(member.Id)).Select(WithoutZone);
        var ring = TokenRing.Of(holders, _options.ReplicationFactor);
        var compactors = TokenRing.Of(
            view.Members.Where(static member => member is { IsCompactor: true, State: MemberState.Active }).Select(WithoutZone), 1);
        Peer[] asked = [.. view.Members.Where(static member => member is { IsHolder: true, IsDrained: false })
            .Select(member => peers.GetValueOrDefault(member.Id)).OfType<Peer>()];
        return new RingSnapshot(view, peers, asked, new RoutingTable(ring, members, _options.ShardSizeOf), compactors, _local);
    }

    private Member WithoutZone(Member member) => _options.IsZoneAware ? member : member with { Zone = "" };

    private async Task PingAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(_options.Peers.PingInterval, _time, cancellation).ConfigureAwait(false);
                await Task.WhenAll(Snapshot().Peers.Values.Select(peer => peer.PingAsync(cancellation))).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void AddGauges(MetricRegistry registry) => registry.Gauge(
        "tempo_ring_members", "Members of the ring by state; Unhealthy are those that do not answer.", ["name", "state"], () =>
        {
            var states = Describe().Select(
                static entry => entry.Peer is { IsSuspect: true } ? "Unhealthy" : MemberJson.NameOf(entry.Member.State)).ToArray();
            return ((string[])["JOINING", "ACTIVE", "LEAVING", "Unhealthy"]).Select(
                state => ((string[])["ring", state], (double)states.Count(found => found == state)));
        });
}

/// <summary>All that follows from one view of the members.</summary>
/// <param name="Asked">Those that a query asks, if they are not drained since.</param>
internal sealed record RingSnapshot(
    MembershipView View, IReadOnlyDictionary<string, Peer> Peers, Peer[] Asked, RoutingTable Routing, TokenRing Compactors, IMember? Local)
{
    public static readonly RingSnapshot Empty = new(MembershipView.Empty, new Dictionary<string, Peer>(), [],
        new RoutingTable(TokenRing.Of([], 1), new Dictionary<string, IMember>(), static _ => 0), TokenRing.Of([], 1), null);

    public IReadOnlyList<Peer> HoldersNow =>
        Array.Exists(Asked, static peer => peer.IsDrained) ? [.. Asked.Where(static peer => !peer.IsDrained)] : Asked;
}
