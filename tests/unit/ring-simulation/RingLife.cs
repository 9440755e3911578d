using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query;

namespace Tempo.Ring.Simulation;

/// <summary>What came of a life.</summary>
internal sealed record Outcome(
    int Sent, int Acknowledged, int Answers, int Partial, int Unanswered, long Events, ulong Digest, string Faults);

/// <summary>
/// The life of a ring: senders and askers at all nodes, and one fault after the other. Every answer must have every span that was
/// acknowledged before it was asked for, once, or say that it is partial; none may have one that was never sent. In the end, when all is
/// well again, none is partial.
/// </summary>
internal sealed class RingLife
{
    private static readonly TenantId[] Tenants = [TenantId.Single, TenantId.TryParse("other", out var other, out _) ? other : default];
    private readonly World _world;
    private readonly Surroundings _around;
    private readonly SimNode[] _nodes;
    private readonly Process _client;
    private readonly Ledger _ledger = new();
    private readonly List<string> _faults = [];
    private readonly List<Task> _running = [];
    private TimeSpan _mayLose;
    private string _wrong = "";
    private bool _isOver, _isLongOutage;
    private int _answers, _partial, _unanswered;

    private RingLife(World world)
    {
        _world = world;
        _client = new Process(world, "client", TimeSpan.Zero);
        var listingDelay = world.Chance(0.3) ? world.Between(500, 20_000) : TimeSpan.Zero;
        _around = new Surroundings(world, new SimNetwork(world), new SimEtcd(world), new SimBucket(world),
            world.Random.Next(1, 4))
        { ListingDelay = listingDelay };
        _nodes = [.. Enumerable.Range(1, world.Random.Next(Math.Max(2, _around.ReplicationFactor), 5))
            .Select(i => new SimNode(_around, $"n{i}"))];
        _around.Bucket.Staleness = _around.ListingDelay;
        world.Idle = () => Array.Exists(_nodes, static node => node.Commit());
        // One failure at a time is what two copies of a span are for.
        foreach (var node in _nodes)
            node.MayDie = dying => !_isLongOutage && Array.TrueForAll(_nodes, other => other == dying || other.IsUp);
    }

    public static Task<Outcome> RunAsync(int seed) => World.LiveAsync(seed, static world => new RingLife(world).LiveAsync());

    private async Task<Outcome> LiveAsync()
    {
        _world.Note($"{_nodes.Length} nodes, replication factor {_around.ReplicationFactor}, listings up to {_around.ListingDelay.TotalSeconds:0.0} s old");
        foreach (var node in _nodes) Go(node.StartAsync());
        if (!await UntilAsync(() => Array.TrueForAll(_nodes, static node => node.IsUp || !node.IsRunning), TimeSpan.FromMinutes(2)))
            Wrong("the ring does not start");
        for (var i = 0; i < 3; i++) Go(SendAsync());
        Go(AskAsync());
        for (var faults = _world.Random.Next(2, 5); faults > 0 && _wrong.Length == 0; faults--) await FaultAsync();
        _isOver = true;
        foreach (var node in _nodes) node.MayDie = null;
        await HealAsync();
        await EndAsync();
        if (_wrong.Length > 0) throw new InvalidOperationException(_wrong);
        return new Outcome(_ledger.Sent, _ledger.AcknowledgedCount, _answers, _partial, _unanswered, _world.Events, _world.Digest,
            string.Join(", ", _faults));
    }

    private void Wrong(string what)
    {
        if (_wrong.Length > 0) return;
        _wrong = what;
        _world.Note($"WRONG: {what}");
    }

    // An exception of a task that nobody waits for is the life's.
    private void Go(Task task) => _running.Add(WatchAsync(task));

    private async Task WatchAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e)
        {
            Wrong(e.ToString());
        }
    }

    private async Task<bool> UntilAsync(Func<bool> holds, TimeSpan atMost)
    {
        for (var end = _world.Elapsed + atMost; !holds() && _wrong.Length == 0; await _world.DelayAsync(TimeSpan.FromMilliseconds(200)))
            if (_world.Elapsed > end)
                return false;
        return true;
    }

    private SimNode Any() => _nodes[_world.Random.Next(_nodes.Length)];

    private async Task FaultAsync()
    {
        await _world.DelayAsync(_world.Between(500, 20_000));
        var node = Any();
        var fault = _world.Random.Next(10);
        var name = fault switch
        {
            0 or 1 => "kill",
            2 => "pause",
            3 => "cut one way",
            4 => "cut both ways",
            5 => "etcd",
            6 => "store",
            7 => "restart",
            8 => "loss",
            _ => "slow network"
        };
        _faults.Add(name);
        _world.Note($"fault: {name}, {node.Name}");
        var length = _world.Between(1000, 50_000);
        switch (fault)
        {
            case 0 or 1:
                node.Kill(_world.Chance(0.5));
                await _world.DelayAsync(length);
                break;
            case 2:
                node.Pause();
                await _world.DelayAsync(length);
                break;
            case 3 or 4:
                foreach (var other in _nodes.Where(other => other != node && _world.Chance(0.8)))
                {
                    if (fault == 4 || _world.Chance(0.5)) _around.Network.Cuts.Add((node.Name, other.Name));
                    if (fault == 4 || _world.Chance(0.5)) _around.Network.Cuts.Add((other.Name, node.Name));
                }

                if (_world.Chance(0.3)) _around.Etcd.CutOff.Add(node.Name);
                await _world.DelayAsync(length);
                break;
            case 5:
                // Who is away for longer than a lost node counts is told of no more: nobody dies who cannot come back in time.
                _isLongOutage = _world.Chance(0.1);
                if (_isLongOutage) await HealNodesAsync();
                _around.Etcd.Stop();
                await _world.DelayAsync(_isLongOutage ? TimeSpan.FromMinutes(10) : length);
                _isLongOutage = false;
                var isEmpty = _world.Chance(0.2);
                _around.Etcd.Start(isEmpty);
                // Who starts before the others have said their names to an etcd that lost everything finds nobody: told in docs/scale.md.
                if (isEmpty) await _world.DelayAsync(TimeSpan.FromSeconds(12));
                break;
            case 6:
                (_around.Bucket.IsDown, _around.Bucket.FaultShare) = _world.Chance(0.4) ? (true, 0) : (false, 0.3);
                await _world.DelayAsync(length);
                break;
            case 7:
                foreach (var one in _nodes)
                {
                    await HealNodesAsync();
                    Go(one.StopAsync()); // which may never end: it may be killed meanwhile
                    if (!await UntilAsync(() => !one.IsRunning, TimeSpan.FromMinutes(2))) Wrong($"{one.Name} does not stop");
                    Go(one.StartAsync());
                }

                break;
            // A second disk before the store has what was on the first is more than two copies bear.
            case 8 when _around.ReplicationFactor > 1 && _world.Elapsed > _mayLose:
                _mayLose = _world.Elapsed + TimeSpan.FromMinutes(2);
                node.Lose();
                await _world.DelayAsync(length);
                break;
            default:
                (_around.Network.LostShare, _around.Network.TwiceShare, _around.Network.Slowest) =
                    (_world.Random.NextDouble() * 0.05, 0.1, _world.Chance(0.5) ? 2000 : 50);
                await _world.DelayAsync(length);
                break;
        }

        await HealAsync();
    }

    private async Task HealAsync()
    {
        (_around.Network.LostShare, _around.Network.TwiceShare, _around.Network.Slowest) = (0, 0, 5);
        _around.Network.Cuts.Clear();
        _around.Etcd.CutOff.Clear();
        (_around.Bucket.IsDown, _around.Bucket.FaultShare) = (false, 0);
        await HealNodesAsync();
    }

    private async Task HealNodesAsync()
    {
        foreach (var node in _nodes)
        {
            node.GoOn();
            if (!node.IsRunning) Go(node.StartAsync());
        }

        if (!await UntilAsync(() => Array.TrueForAll(_nodes, static node => node.IsUp || !node.IsRunning), TimeSpan.FromMinutes(2))
            && _wrong.Length == 0)
            Wrong($"{string.Join(", ", _nodes.Where(static node => !node.IsUp).Select(static node => node.Name))} does not come back");
        // Who died again by itself meanwhile.
        if (Array.Exists(_nodes, static node => !node.IsRunning)) await HealNodesAsync();
    }

    private async Task SendAsync()
    {
        while (!_isOver)
        {
            await _world.DelayAsync(_world.Between(50, 4000));
            var tenant = Tenants[_world.Random.Next(Tenants.Length)];
            TraceId[] traces = [.. Enumerable.Range(0, _world.Random.Next(1, 5)).Select(_ => _ledger.Next(tenant))];
            for (var tries = _world.Random.Next(1, 4); tries > 0; tries--)
            {
                if (await SendAsync(Any(), tenant, traces))
                {
                    _ledger.Acknowledge(tenant, traces);
                    break;
                }

                await _world.DelayAsync(_world.Between(100, 2000));
            }
        }
    }

    private async Task<bool> SendAsync(SimNode node, TenantId tenant, TraceId[] traces)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20), _client);
        try
        {
            var outcome = await _around.Network.AskAsync(
                _client, node.Name, $"{node.Name}:9095", life => IngestAsync(life, tenant, traces), late.Token);
            return outcome is { Status: IngestStatus.Accepted, RejectedSpans: 0 };
        }
        catch (Exception e) when (e is PeerException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<IngestOutcome> IngestAsync(NodeLife life, TenantId tenant, TraceId[] traces)
    {
        if (!life.IsActive) return new IngestOutcome(IngestStatus.Unavailable, 0, 0, "");
        using var request = new NativeBuffer();
        var writer = new ProtobufWriter(request);
        var resource = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scope = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        foreach (var trace in traces)
        {
            var id = new byte[TraceId.SizeBytes];
            trace.Write(id);
            var now = (ulong)(Process.Beginning + _world.Elapsed).ToUnixTimeMilliseconds() * 1_000_000;
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            writer.WriteBytes(SpanTag.TraceId, id);
            writer.WriteBytes(SpanTag.SpanId, id.AsSpan(8));
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, now);
            writer.WriteFixed64(SpanTag.EndTimeUnixNano, now + 1000);
            writer.EndMessage(span);
        }

        writer.EndMessage(scope);
        writer.EndMessage(resource);
        return await life.Router.IngestAsync(tenant, request);
    }

    private async Task AskAsync()
    {
        while (!_isOver)
        {
            await _world.DelayAsync(_world.Between(500, 8000));
            await AskAsync(Any(), Tenants[_world.Random.Next(Tenants.Length)], byIds: 3, mayBePartial: true);
        }
    }

    // A node is asked for everything that was acknowledged up to now. True if it answered, and all of it.
    private async Task<bool> AskAsync(SimNode node, TenantId tenant, int byIds, bool mayBePartial)
    {
        var acknowledged = _ledger.Acknowledged(tenant);
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60), _client);
        try
        {
            var (found, damage) =
                await _around.Network.AskAsync(_client, node.Name, $"{node.Name}:9095", life => SearchAsync(life, tenant), late.Token);
            Judge($"a search of {node.Name}", tenant, acknowledged, found, damage, mayBePartial);
            var isWhole = damage.Length == 0;
            for (var i = 0; i < byIds && acknowledged.Length > 0; i++)
            {
                var trace = byIds >= acknowledged.Length
                    ? acknowledged[i % acknowledged.Length]
                    : acknowledged[_world.Random.Next(acknowledged.Length)];
                var (spans, why) = await _around.Network.AskAsync(
                    _client, node.Name, $"{node.Name}:9095", life => FindAsync(life, tenant, trace), late.Token);
                Judge($"{node.Name} by id", tenant, [trace], spans == 0 ? [] : new() { [trace] = spans }, why, mayBePartial);
                isWhole &= why.Length == 0;
            }

            return isWhole;
        }
        catch (Exception e) when (e is PeerException or OperationCanceledException)
        {
            if (node.IsUp && e is OperationCanceledException) _world.Note($"{node.Name} has not answered in a minute");
            _unanswered++;
            return false;
        }
    }

    private void Judge(
        string who, TenantId tenant, TraceId[] acknowledged, Dictionary<TraceId, int> found, string damage, bool mayBePartial)
    {
        _answers++;
        if (damage.Length > 0)
        {
            _partial++;
            _world.Note($"{who}: partial: {damage}");
            if (!mayBePartial) return;
        }

        foreach (var trace in acknowledged)
            if (found.GetValueOrDefault(trace) is 0 && damage.Length == 0)
                Wrong($"{who} does not find {trace} of {tenant.Value}, which was acknowledged, and says nothing");
        foreach (var (trace, spans) in found)
        {
            if (spans != 1) Wrong($"{who} finds {trace} {spans} times");
            if (!_ledger.WasSent(tenant, trace)) Wrong($"{who} finds {trace}, which was never sent");
        }
    }

    private static async Task<(Dictionary<TraceId, int> Found, string Damage)> SearchAsync(NodeLife life, TenantId tenant)
    {
        if (!life.IsActive) throw new PeerException("it does not answer queries yet");
        var result = await life.Node.SearchAsync(TenantSet.Of([tenant]),
            new SearchRequest { Query = "{}", Limit = int.MaxValue, SpansPerSpanSet = int.MaxValue }, CancellationToken.None);
        var found = new Dictionary<TraceId, int>();
        foreach (var trace in result.Traces)
            found[trace.TraceId] = found.GetValueOrDefault(trace.TraceId) + trace.SpanSets.Sum(static set => (int)set.Matched);
        return (found, result.Message);
    }

    private static async Task<(int Spans, string Damage)> FindAsync(NodeLife life, TenantId tenant, TraceId trace)
    {
        if (!life.IsActive) throw new PeerException("it does not answer queries yet");
        using var reading = await life.Node.ReadTraceAsync(TenantSet.Of([tenant]), trace, 0, 0, CancellationToken.None);
        return (reading.Trace.SpanCount, reading.Trace.Damage);
    }

    // All is well: every node finds everything, and soon without a word of damage.
    private async Task EndAsync()
    {
        var end = _world.Elapsed + TimeSpan.FromMinutes(8);
        foreach (var node in _nodes)
            foreach (var tenant in Tenants)
                while (_wrong.Length == 0 && !await AskAsync(node, tenant, byIds: 0, mayBePartial: _world.Elapsed < end))
                {
                    await _world.DelayAsync(TimeSpan.FromSeconds(15));
                    if (node.IsRunning && _world.Elapsed > end)
                        Wrong($"{node.Name} does not answer in full although all is well since {string.Create(CultureInfo.InvariantCulture, $"{8} minutes")}");
                    await HealNodesAsync();
                }

        foreach (var node in _nodes)
            while (_wrong.Length == 0 && !await AskAsync(node, Tenants[0], byIds: 12, mayBePartial: _world.Elapsed < end))
                await _world.DelayAsync(TimeSpan.FromSeconds(15));
        await Task.WhenAll(_running.Where(static task => task.IsCompleted));
    }
}
