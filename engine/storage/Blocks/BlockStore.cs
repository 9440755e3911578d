using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// Blocks in an object store. A block is written as: data, bloom shards, index, and last, after the data has been opened
/// and its schema checked, meta.json, with which it begins to exist. Writing the same block again is safe.
/// </summary>
/// <param name="objects">Where blocks live.</param>
/// <param name="workFolder">A local folder for files that are being built, and are handed over to <paramref name="objects"/>; swept at
/// start.</param>
/// <param name="options">Layout of new blocks.</param>
/// <param name="health">Hears of damage; null: one of the store's own.</param>
/// <param name="disk">On which the work folder is; null: the file system.</param>
public sealed class BlockStore(
    IObjectStore objects, string workFolder, BlockStoreOptions options, BlockHealth? health = null, IDisk? disk = null)
{
    private readonly WorkFolder _work = new(disk ?? PosixDisk.FileSystem, disk is null ? Path.GetFullPath(workFolder) : workFolder);

    /// <summary>What was found damaged.</summary>
    public BlockHealth Health { get; } = health ?? new BlockHealth();

    /// <summary>Largest bloom shard that is read, in bytes.</summary>
    private const int MaxBloomShardBytes = 64 << 20;

    private const int MaxBloomShards = 1000;

    /// <summary>What of the blocks' sidecars is in memory.</summary>
    public SidecarCache Sidecars => options.Sidecars;

    /// <summary>Columns that queries have unpacked, of all blocks.</summary>
    public ColumnCache Columns => options.Columns;

    /// <summary>Blocks that stay open.</summary>
    public OpenBlocks Open => options.Open;

    /// <summary>Which traces two blocks have in common, as far as somebody found out.</summary>
    public CommonTraces CommonTraces => options.CommonTraces;

    /// <summary>Dictionaries that were asked for more than once, of all blocks.</summary>
    public DictionaryCache Dictionaries { get; } = new(options.DictionaryCacheBytes);

    /// <summary>How new blocks are laid out where nothing else is asked for.</summary>
    public BlockWriterOptions Layout => options.Layout;

    /// <summary>Removes what an earlier run left half built.</summary>
    public void Sweep() => _work.Sweep();

    /// <summary>Begin of the paths of files for what does not fit into memory while the block is written; null: it stays there.</summary>
    internal string? SpillPathOf(BlockId id) => _work.SpillPathOf(id.ToString());

    /// <summary>
    /// Writes a block from traces in ascending order of their ids, handed to the visitor one at a time. Null if there were
    /// none. Throws <see cref="IOException"/> or <see cref="ObjectStoreException"/> if the disk or the store fails; nothing is
    /// visible then.
    /// </summary>
    public Task<BlockMeta?> WriteAsync(
        TenantId tenant, BlockId id, int compactionLevel, Action<Action<OrderedTrace>> forEachTrace, CancellationToken cancellation) =>
            WriteAsync(
                new NewBlock { Tenant = tenant, Id = id, CompactionLevel = compactionLevel, Layout = options.Layout },
                writer => forEachTrace(writer.Add),
                cancellation);

    /// <summary>The same, with a layout of its own and a writer that is the callee's until it returns.</summary>
    /// <param name="block">What it is.</param>
    /// <param name="write">Writes its traces.</param>
    /// <param name="cancellation">Gives up; nothing is visible then.</param>
    /// <param name="beforeMeta">Done when all but the block's meta.json is there: what must be true before the block exists.</param>
    public async Task<BlockMeta?> WriteAsync(
        NewBlock block, Action<BlockWriter> write, CancellationToken cancellation, Func<Task>? beforeMeta = null)
    {
        var (tenant, id) = (block.Tenant, block.Id);
        var (path, sidecarPath) = (_work.PathOf(id + WorkFolder.Data), _work.PathOf(id + WorkFolder.Sidecar));
        try
        {
            using var content = await WriteDataAsync(path, block, write, cancellation).ConfigureAwait(false);
            if (content is null) return null;
            Failpoints.Hit(Failpoint.BlockFooterWritten);
            var bloom = BuildBloom(content.Ids);
            var index = RowGroupIndex.ToJson(content.LastIds);
            var meta = Describe(block, content, bloom.Layout.ShardCount);
            meta = meta with { Checksums = new BlockChecksums(CheckData(path, meta), Crc32C.Compute(index), ChecksumsOf(bloom)) };
            await objects.PutFileAsync(BlockObjects.Key(tenant, id, BlockObjects.Data), path, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockDataPut);
            for (var shard = 0; shard < meta.BloomShardCount; shard++)
                await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.Bloom(shard)), bloom.ShardObject(shard), cancellation)
                    .ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockBloomPut);
            WriteSidecar(sidecarPath, id, content);
            await objects.PutFileAsync(BlockObjects.Key(tenant, id, BlockObjects.Sidecar), sidecarPath, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockSidecarPut);
            await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.Index), index, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockIndexPut);
            if (block.CompactedFrom.Count > 0)
            {
                await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.CompactedFrom), CompactedFrom.ToJson(block.CompactedFrom),
                    cancellation).ConfigureAwait(false);
                Failpoints.Hit(Failpoint.BlockOriginsPut);
            }

            if (block.IsNotCompacted)
                await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.NoCompact), ReadOnlyMemory<byte>.Empty, cancellation)
                    .ConfigureAwait(false);
            if (beforeMeta is not null) await beforeMeta().ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockMetaNext);
            await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.Meta), meta.ToJson(), cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.BlockMetaPut);
            return meta;
        }
        finally
        {
            _work.Delete(path);
            _work.Delete(sidecarPath);
        }
    }

    /// <summary>All blocks but the known ones, and those that are there and cannot be read; see <see cref="BlockLister"/>.</summary>
    public async Task<BlockListing> ListAsync(
        TenantIndexUse index, DateTimeOffset now, Func<BlockId, bool> isKnown, CancellationToken cancellation)
    {
        var listing = await new BlockLister(objects, index, now).ListAsync(isKnown, cancellation).ConfigureAwait(false);
        foreach (var block in listing.Unreadable)
            if (block.IsDamaged) Health.Report(block.Block, BlockDamage.Meta);
            else Health.Count(BlockDamage.Meta);
        return listing;
    }

    /// <summary>What blocks were that the listing says are over; see <see cref="BlockLister.ReadOverAsync"/>.</summary>
    public Task<List<BlockMeta>> ReadOverAsync(BlockListing listing, IEnumerable<BlockId> blocks, CancellationToken cancellation) =>
        new BlockLister(objects, TenantIndexUse.None, default).ReadOverAsync(listing, blocks, cancellation);

    /// <summary>All blocks, and those that are there and cannot be read.</summary>
    public Task<BlockListing> ListAllAsync(CancellationToken cancellation) =>
        ListAsync(TenantIndexUse.None, default, static _ => false, cancellation);

    /// <summary>The metas of all blocks. A folder without a readable meta is no block; <paramref name="onDamage"/> hears of it.</summary>
    public async Task<List<BlockMeta>> ListAsync(Action<string> onDamage, CancellationToken cancellation)
    {
        var listing = await ListAllAsync(cancellation).ConfigureAwait(false);
        foreach (var block in listing.Unreadable) onDamage($"block {block.Tenant}/{block.Block}: {block.Error}");
        return listing.Blocks;
    }

    /// <summary>Keys of all objects in a block's folder, its meta.json first or last.</summary>
    public async Task<IReadOnlyList<ObjectKey>> ObjectsOfAsync(BlockMeta meta, bool metaFirst, CancellationToken cancellation)
    {
        var keys = new List<ObjectKey>();
        await foreach (var entry in objects.ListAsync(BlockObjects.Folder(meta.Tenant, meta.BlockId), ListScope.Recursive, cancellation)
            .ConfigureAwait(false))
            keys.Add(entry.Key);
        var metaKey = BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Meta);
        return [.. keys.OrderBy(key => key == metaKey != metaFirst)];
    }

    /// <summary>The meta of a block, or null if there is none (or none that can be read).</summary>
    public async Task<BlockMeta?> TryReadMetaAsync(TenantId tenant, BlockId id, Action<string> onDamage, CancellationToken cancellation)
    {
        var json = await objects.TryGetAsync(BlockObjects.Key(tenant, id, BlockObjects.Meta), BlockMeta.MaxJsonBytes, cancellation)
            .ConfigureAwait(false);
        if (json is null) return null;
        if (BlockLister.TryRead(json, tenant, id, out var meta, out var error)) return meta;
        onDamage($"block {tenant}/{id}: {error}");
        return null;
    }

    /// <summary>
    /// Whether a block of this id was written once, be it superseded since: what was in it is not lost, and not to be written
    /// again.
    /// </summary>
    public async Task<bool> WasWrittenAsync(TenantId tenant, BlockId id, Action<string> onDamage, CancellationToken cancellation) =>
        await TryReadMetaAsync(tenant, id, onDamage, cancellation).ConfigureAwait(false) is not null
        || await objects.TryGetInfoAsync(BlockObjects.Key(tenant, id, BlockObjects.CompactedMeta), cancellation)
            .ConfigureAwait(false) is not null;

    /// <summary>A block's sidecar, of which nothing is read yet.</summary>
    public BlockSidecar SidecarOf(BlockMeta meta)
    {
        var key = BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Sidecar);
        int Read(long offset, Memory<byte> destination)
        {
            if (objects.LocalObjects is not { } local) return RemoteBlockSource.TryRead(objects, key, offset, destination);
            // Opened for each section: a section is read once, and a thousand blocks would hold a thousand files.
            using var sidecar = local.TryOpen(key);
            return sidecar?.Read(offset, destination.Span) ?? -1;
        }

        return new BlockSidecar(Read, meta, Sidecars);
    }

    /// <summary>Opens a block for reading. Throws <see cref="BlockReadException"/> if it cannot be.</summary>
    public Task<BlockReader> OpenAsync(BlockMeta meta, CancellationToken cancellation) =>
        OpenAsync(meta, SidecarOf(meta), owner: null, cancellation);

    /// <summary>The same for one who has the sidecar, and perhaps opens the block more than once.</summary>
    internal async Task<BlockReader> OpenAsync(BlockMeta meta, BlockSidecar sidecar, BlockHandle? owner, CancellationToken cancellation)
    {
        try
        {
            return await OpenDataAsync(meta, sidecar, owner, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ParquetFormatException or IOException or ObjectStoreException)
        {
            if (await IsGoneAsync(meta, cancellation).ConfigureAwait(false)) throw new BlockReadException(e.Message, e) { IsGone = true };
            Health.Report(meta.BlockId, BlockDamage.Footer, e);
            throw new BlockReadException(e.Message, e);
        }
    }

    /// <summary>The same for one who reads all of it: without filters, which take two bytes a trace.</summary>
    public Task<BlockReader> OpenForMergeAsync(BlockMeta meta, CancellationToken cancellation) =>
        OpenAsync(meta with { BloomShardCount = 0 }, BlockSidecar.None, owner: null, cancellation);

    // Superseded or expired and deleted since it was listed: not there, rather than damaged.
    private async Task<bool> IsGoneAsync(BlockMeta meta, CancellationToken cancellation)
    {
        try
        {
            return await objects.TryGetInfoAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Meta), cancellation)
                .ConfigureAwait(false) is null;
        }
        catch (Exception e) when (e is IOException or ObjectStoreException)
        {
            return false;
        }
    }

    private async Task<BlockReader> OpenDataAsync(BlockMeta meta, BlockSidecar sidecar, BlockHandle? owner, CancellationToken cancellation)
    {
        // An id belongs to a shard of all of them, so a number that cannot be right leaves no filter. With a sidecar none is needed.
        var shards = new byte[meta.BloomShardCount is > 0 and <= MaxBloomShards && !sidecar.HasIdFilter ? meta.BloomShardCount : 0][];
        for (var shard = 0; shard < shards.Length; shard++)
            shards[shard] = await ReadAsync(meta, BlockObjects.Bloom(shard), MaxBloomShardBytes, BlockDamage.Bloom,
                meta.Checksums?.Bloom.ElementAtOrDefault(shard), cancellation).ConfigureAwait(false) ?? [];
        var index = await ReadAsync(meta, BlockObjects.Index, RowGroupIndex.MaxJsonBytes, BlockDamage.Index, meta.Checksums?.Index,
            cancellation).ConfigureAwait(false);
        var lastIds = index is not null && RowGroupIndex.TryParse(index, out var ids) ? ids : [];
        // A merge reads each once.
        var dictionaries = ReferenceEquals(sidecar, BlockSidecar.None) ? null : Dictionaries;
        return new BlockReader(
            meta, OpenData(meta), shards, lastIds, sidecar, dictionaries)
        { Health = Health, Cache = Columns, Owner = owner };
    }

    private IParquetSource OpenData(BlockMeta meta)
    {
        var key = BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Data);
        if (objects.LocalObjects is not { } local)
            return new RemoteBlockSource(new CachedObjectReader(objects, key, meta.SizeBytes, options.Cache),
                () => IsGoneAsync(meta, CancellationToken.None).GetAwaiter().GetResult());
        return new LocalBlockSource(local, key);
    }

    // An object that a block can do without; null if it is not there or damaged.
    private async Task<byte[]?> ReadAsync(
        BlockMeta meta, string name, int maxBytes, BlockDamage damage, uint? checksum, CancellationToken cancellation)
    {
        var content =
            await objects.TryGetAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, name), maxBytes, cancellation).ConfigureAwait(false);
        if (content is null || checksum is null || Crc32C.Compute(content) == checksum) return content;
        Health.Report(meta.BlockId, damage);
        return null;
    }

    /// <summary>
    /// Makes a block's bloom shards or its index anew from its data, and then meta.json, with their number and checksums. Throws
    /// <see cref="BlockReadException"/> if the data cannot be read.
    /// </summary>
    public async Task<BlockMeta> RebuildAsync(BlockMeta meta, bool bloom, bool index, CancellationToken cancellation)
    {
        using var block = await OpenAsync(meta, cancellation).ConfigureAwait(false);
        _work.Make();
        using var ids = new TraceIdLog(_work.SpillPathOf(meta.BlockId + ".ids.spill"));
        var lastIds = new List<TraceId>();
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            foreach (var (start, count) in rows.ScanRanges()) ids.AddRange(
                rows.Read(start, count, BatchColumns.Structure).TraceIds.Take(count));
            lastIds.Add(ids.Last);
        }

        var checksums = meta.Checksums ?? new BlockChecksums(block.File.FooterChecksum, 0, []);
        var shards = BuildBloom(ids);
        for (var shard = 0; bloom && shard < shards.Layout.ShardCount; shard++)
            await objects.PutAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Bloom(shard)), shards.ShardObject(shard),
                cancellation).ConfigureAwait(false);
        if (index)
            await objects.PutAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Index), RowGroupIndex.ToJson(lastIds),
                cancellation).ConfigureAwait(false);
        meta = meta with { BloomShardCount = bloom ? shards.Layout.ShardCount : meta.BloomShardCount };
        // A block of another writer gets no checksums: those of what was not made here are not known.
        if (meta.Checksums is not null || (bloom && index))
            meta = meta with
            {
                Checksums = checksums with
                {
                    Bloom = bloom ? ChecksumsOf(shards) : checksums.Bloom,
                    Index = index ? Crc32C.Compute(RowGroupIndex.ToJson(lastIds)) : checksums.Index
                }
            };
        await objects.PutAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Meta), meta.ToJson(), cancellation)
            .ConfigureAwait(false);
        return meta;
    }

    // A merge does not wait for its turn by awaiting it: it would come back on a thread of the pool, which it is to keep clear of.
    private async Task<BlockContent?> WriteDataAsync(string path, NewBlock block, Action<BlockWriter> write, CancellationToken cancellation)
    {
        var isMerge = block.CompactedFrom.Count > 0 || block.IsNotCompacted;
        var memory = isMerge
            ? options.Memory.Rent(block.Layout)
            : await options.Memory.RentForCutAsync(block.Layout, block.IsBehind, cancellation).ConfigureAwait(false);
        try
        {
            using var file = _work.Create(path);
            using var writer =
                new BlockWriter(file, block.Layout, _work.SpillPathOf(block.Id.ToString()), memory, isMerge ? options.Memory : null);
            try
            {
                writer.CountTimesIn(block.Times);
                write(writer);
                return writer.SpanCount == 0 ? null : writer.Finish();
            }
            finally
            {
                memory = writer.TakeMemory();
            }
        }
        finally
        {
            if (memory is not null) options.Memory.Return(memory, !isMerge);
        }
    }

    private void WriteSidecar(string path, BlockId id, BlockContent content)
    {
        using var file = _work.Create(path);
        content.WriteSidecar(id, file);
    }

    private static uint[] ChecksumsOf(TempoBloomBuilder bloom) =>
        [.. Enumerable.Range(0, bloom.Layout.ShardCount).Select(shard => Crc32C.Compute(bloom.ShardObject(shard).Span))];

    // The result is the checksum of the footer.
    private uint CheckData(string path, BlockMeta meta)
    {
        using var source = _work.Open(path);
        var (schema, rowCount, checksum) = ParquetFileReader.ReadSummary(source, meta.FooterSizeBytes);
        BlockVersion.Get(meta.Format).CheckLeaves(schema, meta.DedicatedColumns);
        if (rowCount != meta.TotalObjects)
            throw new ParquetFormatException($"{rowCount} rows were written where {meta.TotalObjects} traces belong");
        return checksum;
    }

    private TempoBloomBuilder BuildBloom(TraceIdLog ids)
    {
        var bloom = new TempoBloomBuilder(TempoBloomLayout.For(ids.Count, options.BloomFalsePositive, options.BloomShardBytes));
        ids.ForEach(some =>
        {
            for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..]) bloom.Add(at[..TraceId.SizeBytes]);
        });
        return bloom;
    }

    private static BlockMeta Describe(NewBlock block, BlockContent content, int bloomShards) => new()
    {
        BlockId = block.Id,
        Tenant = block.Tenant,
        StartSeconds = TimeWindow.Seconds(content.StartUnixNano),
        EndSeconds = TimeWindow.SecondsUp(content.EndUnixNano),
        Stray = content.Stray,
        TotalObjects = content.Ids.Count,
        SizeBytes = content.SizeBytes,
        CompactionLevel = block.CompactionLevel,
        RowGroupCount = content.LastIds.Count,
        BloomShardCount = bloomShards,
        FooterSizeBytes = content.FooterSizeBytes,
        Format = block.Layout.Version.Name,
        DedicatedColumns = block.Layout.Version.Supported(block.Layout.DedicatedColumns),
    };

}

/// <summary>A block that is to be written.</summary>
public sealed record NewBlock
{
    public required TenantId Tenant { get; init; }
    public required BlockId Id { get; init; }
    public int CompactionLevel { get; init; }
    public required BlockWriterOptions Layout { get; init; }

    /// <summary>It is a cut, and others wait to be written besides it: they need not share memory with it.</summary>
    public bool IsBehind { get; init; }

    /// <summary>Nobody is to compact it (nocompact.flg).</summary>
    public bool IsNotCompacted { get; init; }

    /// <summary>The times that the meta counts with.</summary>
    public TimeWindow Times { get; init; } = TimeWindow.Any;

    /// <summary>The blocks whose place it takes; none if it is the first to hold its spans.</summary>
    public IReadOnlyList<BlockId> CompactedFrom { get; init; } = [];
}

/// <summary>How new blocks are made.</summary>
public sealed record BlockStoreOptions
{
    public double BloomFalsePositive { get; init; } = 0.01;
    public int BloomShardBytes { get; init; } = 100 * 1024;
    public BlockWriterOptions Layout { get; init; } = new();

    /// <summary>Bytes of sidecars that are kept in memory: filters of trace ids first of all, of which one trace takes two.</summary>
    public long SidecarCacheBytes
    {
        get => Sidecars.MaxBytes;
        init => Sidecars = new SidecarCache(value);
    }

    /// <summary>Bytes of columns that queries have unpacked, kept for the next ones; 0: none.</summary>
    public long ColumnCacheBytes
    {
        get => Columns.MaxBytes;
        init => Columns = new ColumnCache(value);
    }

    /// <summary>Bytes of blocks that stay open from query to query.</summary>
    public long OpenBlockBytes
    {
        get => Open.MaxBytes;
        init => Open = new OpenBlocks(value, FileLimit.OpenBlocks);
    }

    // Stores with the same options share them.
    internal SidecarCache Sidecars { get; private init; } = new(64 << 20);

    internal ColumnCache Columns { get; private init; } = new(96 << 20);

    internal OpenBlocks Open { get; init; } = new(64 << 20, FileLimit.OpenBlocks);

    internal CommonTraces CommonTraces { get; } = new(64 << 20);

    /// <summary>Merges that may run beside each other, each with memory for a row group of its own.</summary>
    public int ConcurrentMerges
    {
        init => Memory = new RowGroupMemoryPool(Environment.ProcessorCount, value);
    }

    internal RowGroupMemoryPool Memory { get; private init; } = new(Environment.ProcessorCount);

    /// <summary>Bytes of unpacked dictionaries that are kept for the next look-ups; 0: none.</summary>
    public long DictionaryCacheBytes { get; init; } = 32 << 20;

    /// <summary>Keeps what was read of blocks that are not on this machine.</summary>
    public RangeCache Cache { get; init; } = new(64 << 20);
}
