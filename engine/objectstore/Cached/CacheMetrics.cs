using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>What was asked of the caches outside of this process' memory.</summary>
public sealed class CacheMetrics(MetricRegistry registry)
{
    private readonly CounterFamily _requests = registry.Counter(
        "tempo_cache_requests_total", "Parts of objects that a cache outside of memory was asked for.", "cache", "role", "result");
    private readonly CounterFamily _dropped = registry.Counter(
        "tempo_cache_write_backs_dropped_total", "Parts that were not written to a cache, because too many waited for it.", "cache");

    internal void Count(IPartCache cache, CacheRole role, bool isHit) =>
        _requests.With(cache.Name, NameOf(role), isHit ? "hit" : "miss").Add(1);

    internal void CountDropped(IPartCache cache) => _dropped.With(cache.Name).Add(1);

    /// <summary>As in the configuration.</summary>
    public static string NameOf(CacheRole role) => role switch
    {
        CacheRole.Bloom => "bloom",
        CacheRole.Sidecar => "sidecar",
        CacheRole.TraceIdIndex => "trace-id-index",
        CacheRole.ParquetFooter => "parquet-footer",
        _ => "parquet-page",
    };
}
