using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Engine.Node;

/// <summary>
/// Where the node's blocks are: in the local folder, into which cuts write, and at home, which is the object service if there is
/// one and else the same folder.
/// </summary>
internal sealed class NodeStores
{
    private NodeStores(LocalObjectStore localObjects, BlockStore local, RemoteObjectStore? remoteObjects, BlockStore? remote) =>
        (LocalObjects, Local, RemoteObjects, Remote) = (localObjects, local, remoteObjects, remote);

    public LocalObjectStore LocalObjects { get; }

    public BlockStore Local { get; }

    /// <summary>The object service; null if there is none.</summary>
    public RemoteObjectStore? RemoteObjects { get; }

    public BlockStore? Remote { get; }

    public IObjectStore HomeObjects => RemoteObjects ?? (IObjectStore)LocalObjects;

    public BlockStore Home => Remote ?? Local;

    public IReadOnlyList<BlockStore> All => Remote is null ? [Local] : [Local, Remote];

    /// <summary>Throws <see cref="NodeStartException"/> for options that do not fit together.</summary>
    public static NodeStores Open(NodeOptions options, BlockHealth health, TimeProvider time)
    {
        var blocks = OptionsOf(options);
        var localObjects = LocalObjectStore.Open(options.BlocksPath);
        var local = new BlockStore(localObjects, Path.Combine(options.WalPath, "building"), blocks, health);
        var remoteObjects = options.Remote?.Open(time);
        var remote = remoteObjects is null ? null
            : new BlockStore(remoteObjects, Path.Combine(options.WalPath, "compacting"), blocks with { Cache = new RangeCache(options.Remote!.CacheBytes) }, health);
        local.Sweep();
        remote?.Sweep();
        return new NodeStores(localObjects, local, remoteObjects, remote);
    }

    private static BlockStoreOptions OptionsOf(NodeOptions options)
    {
        var specs = new List<DedicatedColumnSpec>();
        foreach (var (scope, name, type, words) in options.DedicatedColumns)
        {
            if (!DedicatedColumnSpec.TryParse(scope, name, type, words, out var spec, out var wrong)) throw new NodeStartException(wrong);
            specs.Add(spec);
        }

        if (!DedicatedColumns.TryCreate(specs, out var dedicated, out var error)) throw new NodeStartException(error);
        return new BlockStoreOptions
        {
            BloomFalsePositive = options.BloomFalsePositive,
            BloomShardBytes = options.BloomShardBytes,
            Layout = new BlockWriterOptions { Version = VersionOf(options), DedicatedColumns = dedicated, RowGroupBytes = options.RowGroupBytes },
        };
    }

    private static BlockVersion VersionOf(NodeOptions options) => BlockVersion.Find(options.BlockVersion) is { CanWrite: true } version
        ? version
        : throw new NodeStartException($"blocks of format '{options.BlockVersion}' cannot be written");
}
