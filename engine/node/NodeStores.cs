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
    /// <summary>Held while a process has the folder of the blocks. Beside the tenants' folders, of which it is none.</summary>
    private const string LockName = TenantId.BlocksLock;

    private NodeStores(
        LocalObjectStore localObjects, BlockStore local, IObjectStore? remoteObjects, CachingObjectStore? caches, BlockStore? remote,
        BlockStoreOptions options, IDisposable hold) =>
            (LocalObjects, Local, RemoteObjects, Caches, Remote, BlockOptions, Hold) =
                (localObjects, local, remoteObjects, caches, remote, options, hold);

    /// <summary>Keeps other processes off the local folder until it is disposed.</summary>
    public IDisposable Hold { get; }

    public LocalObjectStore LocalObjects { get; }

    public BlockStore Local { get; }

    /// <summary>The object service; null if there is none.</summary>
    public IObjectStore? RemoteObjects { get; }

    /// <summary>The object service behind its caches; null if there are none.</summary>
    public CachingObjectStore? Caches { get; }

    public BlockStore? Remote { get; }

    /// <summary>How blocks are laid out and read.</summary>
    public BlockStoreOptions BlockOptions { get; }

    public IObjectStore HomeObjects => RemoteObjects ?? LocalObjects;

    public BlockStore Home => Remote ?? Local;

    public IReadOnlyList<BlockStore> All => Remote is null ? [Local] : [Local, Remote];

    /// <summary>Throws <see cref="NodeStartException"/> for options that do not fit together, and for a folder in use.</summary>
    public static NodeStores Open(
        NodeOptions options, NodeMachine machine, BlockHealth health, MetricRegistry registry, Log log, TimeProvider time)
    {
        var blocks = OptionsOf(options);
        var hold = machine.Disk is null
            ? Lock(new PosixDisk(options.BlocksPath), "", options.BlocksPath)
            : Lock(machine.Disk, options.BlocksPath, options.BlocksPath);
        var localObjects =
            machine.Disk is null ? LocalObjectStore.Open(options.BlocksPath) : LocalObjectStore.Open(machine.Disk, options.BlocksPath);
        var local = new BlockStore(localObjects, Path.Combine(options.WalPath, "building"), blocks, health, machine.Disk);
        var remoteObjects = machine.Objects ?? options.Remote?.Open(time);
        var caches = remoteObjects is null ? null : options.Remote!.Caches.Open(remoteObjects, options.WalPath, registry, log, time);
        var remote = remoteObjects is null ? null
            : new BlockStore(caches ?? remoteObjects, Path.Combine(options.WalPath, "compacting"),
                blocks with { Cache = new RangeCache(options.Remote!.CacheBytes) }, health, machine.Disk);
        local.Sweep();
        remote?.Sweep();
        return new NodeStores(localObjects, local, remoteObjects, caches, remote, blocks, hold);
    }

    // The log's own lock is not enough: two processes with a log each would compact, expire and delete each other's blocks.
    private static IDisposable Lock(IDisk disk, string root, string folder)
    {
        var error = disk.TryCreateFolder(root);
        IDisposable? hold = null;
        if (error == DiskError.None) error = disk.TryLock(root.Length == 0 ? LockName : $"{root}/{LockName}", out hold);
        return error switch
        {
            DiskError.None => hold!,
            DiskError.Busy =>
                throw new NodeStartException(
                    $"the blocks in {Path.GetFullPath(folder)} are in use: another process, or another node of this one, holds {LockName} there"),
            _ => throw new NodeStartException($"the folder {Path.GetFullPath(folder)} of the blocks cannot be locked: {error}"),
        };
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
            ConcurrentMerges = options.MaxConcurrentMerges,
            BloomFalsePositive = options.BloomFalsePositive,
            BloomShardBytes = options.BloomShardBytes,
            ColumnCacheBytes = options.ColumnCacheBytes,
            SidecarCacheBytes = options.SidecarCacheBytes,
            OpenBlockBytes = options.OpenBlockBytes,
            DictionaryCacheBytes = MemoryShares.OfThisProcess.DictionaryCacheBytes,
            Layout = new BlockWriterOptions
            {
                Version = VersionOf(options),
                DedicatedColumns = dedicated,
                RowGroupBytes = options.RowGroupBytes
            },
        };
    }

    private static BlockVersion VersionOf(NodeOptions options) => BlockVersion.Find(options.BlockVersion) is { CanWrite: true } version
        ? version
        : throw new NodeStartException($"blocks of format '{options.BlockVersion}' cannot be written");
}
