using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>Names of a block's objects (storage specification §1). A block exists if, and only if, its meta does.</summary>
internal static class BlockObjects
{
    public const string Meta = "meta.json";
    public const string Data = "data.parquet";
    public const string Index = "index";

    public static string Bloom(int shard) => "bloom-" + shard.ToString(CultureInfo.InvariantCulture);

    public static ObjectKey Folder(TenantId tenant) => ObjectKey.Root.Append(tenant.Value);

    public static ObjectKey Folder(TenantId tenant, BlockId block) => Folder(tenant).Append(block.ToString());

    public static ObjectKey Key(TenantId tenant, BlockId block, string name) => Folder(tenant, block).Append(name);
}
