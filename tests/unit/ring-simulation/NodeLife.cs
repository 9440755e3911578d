using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Membership;
using Tempo.Ring.Membership.Etcd;
using Tempo.Ring.Peers;
using Tempo.Ring.Replication;
using Tempo.Testing;

namespace Tempo.Ring.Simulation;

/// <summary>
/// A node's process from its start to its end: the real node and its real place in the ring, put together as the server does it.
/// </summary>
internal sealed class NodeLife(Process process, TempoNode node, RingNode ring, IngestRouter router, PushIntake intake)
{
    public Process Process => process;

    public TempoNode Node => node;

    public RingNode Ring => ring;

    public IngestRouter Router => router;

    public PushIntake Intake => intake;

    /// <summary>It takes requests.</summary>
    public bool IsActive { get; set; }
}

/// <summary>What all nodes of a ring share.</summary>
internal sealed record Surroundings(World World, SimNetwork Network, SimEtcd Etcd, SimBucket Bucket, int ReplicationFactor)
{
    /// <summary>How late the bucket lists, as the nodes are told.</summary>
    public TimeSpan ListingDelay { get; init; }
}

/// <summary>A machine of the ring: its disk outlives the processes on it.</summary>
internal sealed class SimNode(Surroundings around, string name)
{
    private readonly World _world = around.World;
    private SimDisk _disk = new();
    private int _lives;
    private Process? _process;

    public string Name => name;

    /// <summary>The process that runs and can be asked; null: none.</summary>
    public NodeLife? Life { get; private set; }

    /// <summary>It is there and takes requests.</summary>
    public bool IsUp => Life is { IsActive: true, Process: { IsPaused: false, IsDead: false } };

    public bool IsRunning => _process is { IsDead: false };

    private string Address => $"{name}:9095";

    public async Task StartAsync()
    {
        var world = around.World;
        var process = _process = new Process(world, name, world.Between(-1500, 1500));
        world.Note($"{name} starts");
        var endsAt = world.Chance(0.3) ? world.Random.Next(20, 3000) : 0; // calls of its disk after which it dies by itself, once
        var (calls, isPowerCut) = (0, world.Chance(0.5));
        var disk = new FlakyDisk(_disk, call =>
        {
            if (call.Operation is "Read" or "TryOpen" or "TryList" or "TryListEntries" or "TryGetFreeBytes" or "TryGetSpace") return null;
            if (++calls == endsAt && MayDie?.Invoke(this) == true && process == _process && !process.IsDead) Kill(isPowerCut);
            return null;
        });
        var registry = new MetricRegistry();
        var options = RingOptionsOf(name, Address, around.ReplicationFactor);
        var membership = new EtcdMembership(
            options.Etcd!, around.Etcd.ClientOf(process), options.LostKept, Log.Null, process, new Random(world.Random.Next()));
        var ring =
            RingNode.Start(options, membership, greeting => around.Network.TransportOf(process, greeting), registry, Log.Null, process);
        var marks = new Random(world.Random.Next());
        var machine = new NodeMachine
        {
            Disk = disk,
            Objects = around.Bucket.StoreOf(process, disk),
            Random = () => (ulong)marks.NextInt64(),
            HasThreads = false
        };
        var node = await TempoNode.StartAsync(NodeOptionsOf(ring, around.ListingDelay), machine, registry, Log.Null, process);
        if (process.IsDead) return;
        var replicator = new Replicator(node, () => ring.Routing, new ReplicationMetrics(registry), options.Peers.PushTimeout * 2, process);
        var life = Life = new NodeLife(process, node, ring, new IngestRouter(node, replicator), new PushIntake(node, ring));
        around.Network.Listen(Address, life);
        await ring.JoinAsync(node, registry, () => process.IsDead);
        await ring.ActivateAsync(CancellationToken.None);
        if (process.IsDead) return;
        life.IsActive = true;
        world.Note($"{name} is active, life {++_lives}");
    }

    /// <summary>Asked before a process dies by itself.</summary>
    public Func<SimNode, bool>? MayDie { get; set; }

    /// <summary>The process is gone, or the machine's power.</summary>
    public void Kill(bool isPowerCut)
    {
        if (_process is not { IsDead: false } process) return;
        _world.Note($"{name} {(isPowerCut ? "loses its power" : "is killed")}");
        process.Die();
        _disk = isPowerCut ? _disk.Crash(_world.Random.Next()) : _disk.Kill();
        if (Life is { } life) around.Network.Close(Address, life);
        Life = null;
    }

    /// <summary>The machine is gone with its disk. One of the same name may come, that has nothing.</summary>
    public void Lose()
    {
        Kill(isPowerCut: true);
        _world.Note($"{name} and its disk are lost");
        _disk = new SimDisk();
    }

    public void Pause()
    {
        _world.Note($"{name} is paused");
        _process?.Pause();
    }

    public void GoOn()
    {
        if (_process is not { IsPaused: true, IsDead: false }) return;
        _world.Note($"{name} goes on");
        _process.GoOn();
    }

    /// <summary>As the server stops.</summary>
    public async Task StopAsync()
    {
        if (Life is not { } life) return;
        _world.Note($"{name} stops");
        life.IsActive = false;
        using (var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30), life.Process))
            await life.Ring.LeaveAsync(life.Node, deadline.Token);
        if (life.Process.IsDead) return;
        around.Network.Close(Address, life);
        await life.Node.DisposeAsync();
        await life.Ring.DisposeAsync();
        if (life.Process.IsDead) return;
        life.Process.Die();
        Life = null;
        _disk = _disk.Kill();
        _world.Note($"{name} has stopped");
    }

    /// <summary>Commits what the log has queued; true if there was something.</summary>
    public bool Commit() => Life is { Process: { IsPaused: false, IsDead: false } } life && life.Node.CommitQueued() > 0;

    private static RingOptions RingOptionsOf(string name, string address, int replicationFactor) => new()
    {
        InstanceId = name,
        Address = address,
        Roles = MemberRoles.All,
        ReplicationFactor = replicationFactor,
        TokenCount = 16,
        Etcd = new EtcdOptions { Endpoints = ["etcd:2379"], LeaseTtl = TimeSpan.FromSeconds(15) },
        LostKept = TimeSpan.FromMinutes(3),
    };

    private static NodeOptions NodeOptionsOf(RingNode ring, TimeSpan listingDelay) => new()
    {
        WalPath = "wal",
        BlocksPath = "blocks",
        WalSegmentBytes = 8 << 10,
        WalReserveBytes = 0,
        MaxBlockDuration = TimeSpan.FromSeconds(40),
        Remote = new RemoteStorage
        {
            CacheBytes = 1 << 20,
            BlocklistPoll = TimeSpan.FromSeconds(60),
            ListingDelay = listingDelay,
            Caches = new RemoteCaches { DiskMaxBytes = 0 }
        },
        Owner = ring,
        Share = ring,
        AutoPromote = false,
        MaxRunningCuts = 1,
        MaxConcurrentMerges = 1,
        MaxRunningQueries = 1,
        SearchShareBytes = 1, // all queries are divided, as far as there are blocks
        MetricsShareBytes = 1,
        BloomShardBytes = 64,
        ColumnCacheBytes = 1 << 20,
        SidecarCacheBytes = 1 << 20,
        OpenBlockBytes = 1 << 20,
        CompactionPatience = TimeSpan.FromSeconds(20),
        CompactedBlockRetention = TimeSpan.FromMinutes(2),
        BlockRetention = TimeSpan.FromDays(365_000),
        TenantIndexInterval = TimeSpan.Zero,
    };
}
