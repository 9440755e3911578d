using System.Globalization;
using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>Names of a block's objects (storage specification §1). A block exists if, and only if, its meta does.</summary>
internal static class BlockObjects
{
    public const string Meta = "meta.json";

    /// <summary>Takes the place of <see cref="Meta"/> when a block was superseded or has expired.</summary>
    public const string CompactedMeta = "meta.compacted.json";

    /// <summary>Ours: the blocks that this one was made of.</summary>
    public const string CompactedFrom = "compacted-from.json";

    /// <summary>Ours: what makes the block quick to skip and to look into; it need not be there.</summary>
    public const string Sidecar = "tempo.sidecar";

    /// <summary>A block that has it is not compacted: whoever wrote it is not done with it.</summary>
    public const string NoCompact = "nocompact.flg";

    /// <summary>Ours: the block is left out of compaction, and why (<see cref="Compaction.BlockQuarantine"/>).</summary>
    public const string Quarantine = "quarantine.json";
    public const string Data = "data.parquet";
    public const string Index = "index";

    private const string BloomPrefix = "bloom-";

    public static string Bloom(int shard) => BloomPrefix + shard.ToString(CultureInfo.InvariantCulture);

    public static bool IsBloom(string name) => name.StartsWith(BloomPrefix, StringComparison.Ordinal);

    public static ObjectKey Folder(TenantId tenant) => ObjectKey.Root.Append(tenant.Value);

    public static ObjectKey Folder(TenantId tenant, BlockId block) => Folder(tenant).Append(block.ToString());

    /// <summary>The folders that have the name of a block, whatever is in them.</summary>
    public static async IAsyncEnumerable<(TenantId Tenant, BlockId Block)> ListFoldersAsync(
        IObjectStore objects, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var tenantFolder in objects.ListAsync(ObjectKey.Root, ListScope.Children, cancellation).ConfigureAwait(false))
        {
            if (!tenantFolder.IsFolder || !TenantId.TryParse(tenantFolder.Key.LastPart, out var tenant, out _)) continue;
            await foreach (var blockFolder in objects.ListAsync(tenantFolder.Key, ListScope.Children, cancellation).ConfigureAwait(false))
                if (blockFolder.IsFolder && BlockId.TryParse(blockFolder.Key.LastPart, out var id)) yield return (tenant, id);
        }
    }

    public static ObjectKey Key(TenantId tenant, BlockId block, string name) => Folder(tenant, block).Append(name);

    /// <summary>Is it the object of this name of a block, and of which?</summary>
    public static bool TryParse(ObjectKey key, string name, out TenantId tenant, out BlockId block)
    {
        tenant = default;
        block = default;
        if (!key.ToString().EndsWith(name, StringComparison.Ordinal)) return false;
        var parts = key.ToString().Split('/');
        return parts is [_, _, _] && parts[2] == name && TenantId.TryParse(parts[0], out tenant, out _)
            && BlockId.TryParse(parts[1], out block);
    }
}
