using Tempo.Ring.Membership.Etcd;

namespace Tempo.Ring.Simulation;

/// <summary>
/// An etcd of one member: keys under leases, a history that can be watched, and outages. Comes back with its keys, its leases as if just
/// granted, or without both.
/// </summary>
internal sealed class SimEtcd(World world)
{
    private readonly Dictionary<string, (byte[] Value, long Lease)> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<long, (TimeSpan Ttl, long Until)> _leases = [];
    private readonly List<(long Revision, string Key, byte[]? Value)> _history = [];
    private readonly List<Watch> _watches = [];
    private long _revision = 1;
    private long _lastLease = 7000;

    public bool IsDown { get; private set; }

    /// <summary>Names of processes that cannot reach it.</summary>
    public HashSet<string> CutOff { get; } = new(StringComparer.Ordinal);

    public void Stop()
    {
        IsDown = true;
        foreach (var watch in _watches.ToArray())
            if (world.Chance(0.5)) watch.End("the connection was closed"); // else it hangs on a connection of which nothing comes any more
        _watches.Clear();
    }

    public void Start(bool isEmpty)
    {
        IsDown = false;
        if (isEmpty)
        {
            _keys.Clear();
            _leases.Clear();
            _history.Clear();
        }

        foreach (var lease in _leases.Keys.ToArray()) Extend(lease);
    }

    public IEtcd ClientOf(Process process) => new Client(this, process);

    private void Put(string key, byte[] value, long lease)
    {
        if (lease != 0 && !_leases.ContainsKey(lease))
            throw new EtcdException("etcd answered kv/put with 404: etcdserver: requested lease not found");
        _keys[key] = (value, lease);
        Tell(key, value);
    }

    private long Extend(long lease)
    {
        if (!_leases.TryGetValue(lease, out var known)) return 0;
        _leases[lease] = (known.Ttl, world.Now + known.Ttl.Ticks);
        world.After(known.Ttl, null, "lease", () => Expire(lease));
        return (long)known.Ttl.TotalSeconds;
    }

    private void Expire(long lease)
    {
        if (!IsDown && _leases.TryGetValue(lease, out var known) && known.Until <= world.Now) Revoke(lease);
    }

    private void Revoke(long lease)
    {
        _leases.Remove(lease);
        foreach (var key in _keys.Where(entry => entry.Value.Lease == lease).Select(static entry => entry.Key).Order(StringComparer.Ordinal)
            .ToArray())
        {
            _keys.Remove(key);
            Tell(key, null);
        }
    }

    private void Tell(string key, byte[]? value)
    {
        _history.Add((++_revision, key, value));
        foreach (var watch in _watches.ToArray()) watch.Tell(_history[^1]);
    }

    private sealed class Client(SimEtcd etcd, Process process) : IEtcd
    {
        private readonly World _world = etcd.World;

        public Task<long> GrantAsync(long ttlSeconds, CancellationToken cancellation) => AskAsync(() =>
        {
            var lease = ++etcd._lastLease;
            etcd._leases[lease] = (TimeSpan.FromSeconds(ttlSeconds), 0);
            etcd.Extend(lease);
            return lease;
        }, cancellation);

        public Task<long> KeepAliveAsync(long lease, CancellationToken cancellation) => AskAsync(() => etcd.Extend(lease), cancellation);

        public Task RevokeAsync(long lease, CancellationToken cancellation) => AskAsync(() =>
        {
            etcd.Revoke(lease);
            return 0;
        }, cancellation);

        public Task PutAsync(string key, ReadOnlyMemory<byte> value, long lease, CancellationToken cancellation)
        {
            var copy = value.ToArray();
            return AskAsync(() =>
            {
                etcd.Put(key, copy, lease);
                return 0;
            }, cancellation);
        }

        public Task DeleteAsync(string key, CancellationToken cancellation) => AskAsync(() =>
        {
            if (etcd._keys.Remove(key)) etcd.Tell(key, null);
            return 0;
        }, cancellation);

        public Task<(long Revision, List<(string Key, byte[] Value)> Items)> ListAsync(string prefix, CancellationToken cancellation) =>
            AskAsync(() =>
                (etcd._revision, etcd._keys.OrderBy(static entry => entry.Key, StringComparer.Ordinal)
                    .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(static entry => (entry.Key, entry.Value.Value)).ToList()), cancellation);

        public Task WatchAsync(string prefix, long revision, Action<string, byte[]?> onChange, CancellationToken cancellation)
        {
            var watch = new Watch(_world, process, prefix, onChange);
            cancellation.Register(() =>
            {
                etcd._watches.Remove(watch);
                watch.Over.TrySetCanceled(cancellation);
            });
            if (etcd.IsDown || etcd.CutOff.Contains(process.Name))
            {
                watch.End("connection refused");
                return watch.Over.Task;
            }

            etcd._watches.Add(watch);
            foreach (var change in etcd._history.Where(change => change.Revision >= revision)) watch.Tell(change);
            return watch.Over.Task;
        }

        public void Dispose()
        {
        }

        private async Task<T> AskAsync<T>(Func<T> serve, CancellationToken cancellation)
        {
            var isCut = etcd.CutOff.Contains(process.Name);
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(4), process);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
            try
            {
                return await _world.CallAsync(process, _world.Between(0.2, 5), _world.Between(0.2, 5),
                    () => etcd.IsDown ? throw new EtcdException("etcd: connection refused") : serve(), deadline.Token, isLostThere: isCut);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new EtcdException("etcd: no answer in time");
            }
        }
    }

    private World World => world;

    private sealed class Watch(World world, Process process, string prefix, Action<string, byte[]?> onChange)
    {
        private long _last;

        public TaskCompletionSource Over { get; } = new();

        public void End(string why) =>
            world.After(world.Between(0.2, 20), process, "watch ends", () => Over.TrySetException(new EtcdException(why)));

        // In the order of the changes, as over one connection.
        public void Tell((long Revision, string Key, byte[]? Value) change)
        {
            if (!change.Key.StartsWith(prefix, StringComparison.Ordinal)) return;
            _last = Math.Max(_last, world.Now + world.Between(0.2, 30).Ticks);
            world.After(TimeSpan.FromTicks(_last - world.Now), process, "watch", () =>
            {
                if (!Over.Task.IsCompleted) onChange(change.Key, change.Value);
            });
        }
    }
}
