using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// Which of a block's objects may be kept in caches: those that are written once. Its meta, its marks and indexes of tenants change.
/// </summary>
public static class BlockCacheRoles
{
    /// <summary>The role of an object, or null if it may change. A read that reaches the data's end is one of its footer.</summary>
    public static CacheRole? Of(ObjectKey key, bool reachesEnd) => key.LastPart switch
    {
        BlockObjects.Data => reachesEnd ? CacheRole.ParquetFooter : CacheRole.ParquetPage,
        BlockObjects.Sidecar => CacheRole.Sidecar,
        BlockObjects.Index => CacheRole.TraceIdIndex,
        _ when BlockObjects.IsBloom(key.LastPart) => CacheRole.Bloom,
        _ => null,
    };
}
