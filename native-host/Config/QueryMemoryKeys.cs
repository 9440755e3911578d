using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>What queries keep in memory for the next ones. Ours: Tempo has no such keys. See docs/queries.md.</summary>
internal static class QueryMemoryKeys
{
    private const string Section = "storage.trace.block.";

    public static IEnumerable<ConfigKey> All =>
    [
        Bytes(Section + "column_cache_bytes", 0, 1L << 40, (o, v) => o.Node = o.Node with { ColumnCacheBytes = v },
            o => o.Node.ColumnCacheBytes),
        Bytes(Section + "sidecar_cache_bytes", 0, 1L << 40, (o, v) => o.Node = o.Node with { SidecarCacheBytes = v },
            o => o.Node.SidecarCacheBytes),
        Bytes(Section + "open_block_bytes", 0, 1L << 40, (o, v) => o.Node = o.Node with { OpenBlockBytes = v }, o => o.Node.OpenBlockBytes),
    ];
}
