using System.Collections.Frozen;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node;

/// <summary>
/// The caches between the memory of this process and the object service: first a folder of this machine, which takes everything, then
/// those that processes share, each with its roles.
/// </summary>
public sealed record RemoteCaches
{
    /// <summary>Of the disk that the default folder is on, if nothing else was asked for.</summary>
    private const int ShareOfDisk = 20;

    private const long DefaultDiskBytes = 1L << 30;

    /// <summary>The folder; empty: <c>cache</c> beside the log's.</summary>
    public string DiskPath { get; init; } = "";

    /// <summary>Bytes of its files, 0 for no such cache; null: 1 GiB, or a twentieth of the disk if that is less.</summary>
    public long? DiskMaxBytes { get; init; }

    public IReadOnlyList<SharedCache> Shared { get; init; } = [];

    public WriteBackOptions WriteBack { get; init; } = new();

    /// <summary>The service behind the caches; null if there are none. A folder that cannot be used is logged, and done without.</summary>
    internal CachingObjectStore? Open(IObjectStore service, string walPath, MetricRegistry registry, Log log, TimeProvider time)
    {
        var tiers = new List<CacheTier>();
        if (OpenDisk(walPath, log) is { } disk)
        {
            tiers.Add(new CacheTier(disk, Enum.GetValues<CacheRole>().ToFrozenSet()));
            registry.Gauge("tempo_cache_disk_bytes", "Bytes of parts of blocks in the cache on this machine's disk.", () => disk.Bytes);
        }

        tiers.AddRange(Shared.Select(shared => new CacheTier(shared.Open(time), shared.Roles.ToFrozenSet())));
        return tiers.Count == 0 ? null : new CachingObjectStore(service, tiers, BlockCacheRoles.Of, WriteBack, new CacheMetrics(registry));
    }

    private DiskPartCache? OpenDisk(string walPath, Log log)
    {
        if (DiskMaxBytes == 0) return null;
        var folder = DiskPath.Length > 0 ? DiskPath : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(walPath))!, "cache");
        try
        {
            Directory.CreateDirectory(folder);
            var bytes = DiskMaxBytes ?? Math.Min(DefaultDiskBytes, new DriveInfo(folder).TotalSize / ShareOfDisk);
            return DiskPartCache.Open(folder, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Warn("the cache on disk is not used", ("folder", folder), ("error", e.Message));
            return null;
        }
    }
}

/// <summary>A cache that processes share; exactly one of the two.</summary>
public sealed record SharedCache
{
    public IReadOnlyList<CacheRole> Roles { get; init; } = [];
    public MemcachedOptions? Memcached { get; init; }
    public RedisOptions? Redis { get; init; }

    internal IPartCache Open(TimeProvider time) =>
        Memcached is { } memcached ? new MemcachedPartCache(memcached, time) : RedisPartCache.Open(Redis!);
}
