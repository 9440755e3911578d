using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Testing;

namespace Tempo.Ring.Simulation;

/// <summary>
/// The bucket that all nodes share, behind the real <see cref="RemoteObjectStore"/>. Writes and listings take their time; any may fail,
/// hang, or be carried out without an answer; reads fail or are cut off at once (the engine waits for them on its thread). Listings may be
/// of a moment ago.
/// </summary>
internal sealed class SimBucket(World world)
{
    private readonly SortedDictionary<string, Item> _objects = new(StringComparer.Ordinal);
    private readonly List<(long At, string Name, Item? Item)> _changes = [];
    private long _version;

    /// <summary>Of requests that go wrong, in one of several ways.</summary>
    public double FaultShare { get; set; }

    /// <summary>Writes of objects with this in their names are noted, for who looks for a fault.</summary>
    public static string Watched { get; } = Environment.GetEnvironmentVariable("TEMPO_RING_SIM_WATCH") ?? "";

    /// <summary>Nothing is answered but 503.</summary>
    public bool IsDown { get; set; }

    /// <summary>Listings are up to so much older than their request.</summary>
    public TimeSpan Staleness { get; set; }

    public IObjectStore StoreOf(Process process, IDisk disk)
    {
        var options = new RemoteOptions
        {
            FirstDelay = TimeSpan.Zero,
            LongestDelay = TimeSpan.Zero,
            MaxAttempts = 4,
            AttemptTimeout = TimeSpan.FromSeconds(5),
            BreakFor = TimeSpan.FromSeconds(2)
        };
        return new FileStore(new RemoteObjectStore(new Requests(this, process), options, process, new Random(1)), disk);
    }

    private void Set(string who, string name, byte[]? content)
    {
        if (Watched.Length > 0 && name.Contains(Watched, StringComparison.Ordinal))
            world.Note($"{who} {(content is null ? "deletes" : "puts")} {name}");
        var item = content is null
            ? null
            : new Item(content, (++_version).ToString(CultureInfo.InvariantCulture), Process.Beginning + world.Elapsed);
        if (item is null) _objects.Remove(name);
        else _objects[name] = item;
        _changes.Add((world.Now, name, item));
    }

    private RemotePage List(string prefix, bool recursive)
    {
        IEnumerable<KeyValuePair<string, Item>> all = _objects;
        if (Staleness > TimeSpan.Zero)
        {
            // Each name is as late as it is: of two that were written one after the other the second may be listed alone.
            var until = new Dictionary<string, long>(StringComparer.Ordinal);
            var then = new SortedDictionary<string, Item>(StringComparer.Ordinal);
            foreach (var (at, name, item) in _changes)
            {
                if (!until.TryGetValue(name, out var last))
                    until.Add(name, last = world.Now - (long)(Staleness.Ticks * world.Random.NextDouble()));
                if (at > last) continue;
                if (item is null) then.Remove(name);
                else then[name] = item;
            }

            all = then;
        }

        var found = all.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        bool IsFolded(string name) => !recursive && name.IndexOf('/', prefix.Length) >= 0;
        return new RemotePage(
            [.. found.Where(entry => !IsFolded(entry.Key)).Select(static entry => (entry.Key, entry.Value.Info))],
            [.. found.Where(entry => IsFolded(entry.Key)).Select(entry => entry.Key[..(entry.Key.IndexOf('/', prefix.Length) + 1)])
                .Distinct()],
            null);
    }

    private sealed record Item(byte[] Content, string Version, DateTimeOffset At)
    {
        public ObjectInfo Info => new(Content.Length, At);
    }

    private sealed class Fault(RemoteFault fault) : Exception(fault.ToString())
    {
        public RemoteFault What => fault;
    }

    /// <summary>One process's requests.</summary>
    private sealed class Requests(SimBucket bucket, Process process) : IRemoteObjects
    {
        public Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation)
        {
            var copy = content.ToArray();
            return AskAsync(() =>
            {
                var there = bucket._objects.GetValueOrDefault(name);
                if (condition.OnlyIfAbsent && there is not null) throw new Fault(RemoteFault.Exists);
                if (condition.Version is not null && there is null) throw new Fault(RemoteFault.NotFound);
                if (condition.Version is { } version && there!.Version != version) throw new Fault(RemoteFault.Exists);
                bucket.Set(process.Name, name, copy);
                return 0;
            }, cancellation);
        }

        public Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation) =>
            throw new NotSupportedException("nothing here is so large");

        public Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation) =>
            Now(() =>
            {
                var there = Find(name);
                if (offset >= there.Content.Length) throw new Fault(RemoteFault.OutOfRange);
                var count = (int)Math.Min(destination.Length, there.Content.Length - offset);
                if (bucket.World.Chance(bucket.FaultShare / 2)) throw new IOException("the body ends before its end");
                destination.Fill(there.Content.AsSpan((int)offset, count));
                return new RemoteRange(count, there.Content.Length, there.Version);
            });

        public Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation) => Now(() => Find(name).Info);

        public Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation) =>
            AskAsync(() => bucket.List(prefix, recursive), cancellation);

        public Task DeleteAsync(string name, CancellationToken cancellation) => AskAsync(() =>
        {
            if (bucket._objects.ContainsKey(name)) bucket.Set(process.Name, name, null);
            return 0;
        }, cancellation);

        public RemoteFault Classify(Exception exception, out TimeSpan retryAfter)
        {
            retryAfter = default;
            return exception is Fault fault ? fault.What : RemoteFault.Unknown;
        }

        public void Dispose()
        {
        }

        private Item Find(string name) => bucket._objects.GetValueOrDefault(name) ?? throw new Fault(RemoteFault.NotFound);

        private Task<T> Now<T>(Func<T> serve)
        {
            // nobody may wait for it: it would be this thread
            if (process.IsDead) return Task.FromException<T>(new Fault(RemoteFault.Refused));
            try
            {
                if (bucket.IsDown || bucket.World.Chance(bucket.FaultShare)) throw new Fault(RemoteFault.Transient);
                return Task.FromResult(serve());
            }
            catch (Exception e)
            {
                return Task.FromException<T>(e);
            }
        }

        private Task<T> AskAsync<T>(Func<T> serve, CancellationToken cancellation)
        {
            var world = bucket.World;
            var fault = bucket.FaultShare > 0 && world.Chance(bucket.FaultShare) ? world.Random.Next(4) : -1;
            return world.CallAsync(process, world.Between(1, 20), world.Between(1, 20), () =>
            {
                if (bucket.IsDown || fault == 0) throw new Fault(RemoteFault.Throttled);
                var result = serve();
                return fault == 1 ? throw new Fault(RemoteFault.Transient) : result; // done, and not told
            }, cancellation, isLostThere: fault == 2, isLostBack: fault == 3);
        }
    }

    private World World => world;

    /// <summary>Files that are handed over are on the node's disk.</summary>
    private sealed class FileStore(RemoteObjectStore inner, IDisk disk) : PassThroughStore(inner)
    {
        public override async ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
        {
            if (disk.TryOpen(path, writable: false, out var file) is not DiskError.None and var error)
                throw new ObjectStoreException(ObjectStoreError.Failed, key, $"{path}: {error}");
            using var opened = file!;
            var content = new byte[opened.Length];
            if (opened.Read(0, content, out var count) != DiskError.None || count != content.Length)
                throw new ObjectStoreException(ObjectStoreError.Failed, key, $"{path} cannot be read");
            await PutAsync(key, content, cancellation);
            disk.TryDelete(path);
        }
    }
}
