using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Lets blocks go in two steps with time between them: what has expired is marked compacted, and what has been marked for
/// long enough is deleted. Both go by two times, what the block says and the object's own, so that spans with a wrong time
/// take nothing with them; and by a clock that does not jump (<see cref="SteadyClock"/>).
/// </summary>
public sealed class BlockRetention(IObjectStore objects, CompactedBlocks compacted, RetentionOptions options, SteadyClock clock)
{
    /// <summary>What lies in a block's folder without any meta is left of a write that was cut off, once it is this old.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(24);

    /// <summary>Those of the blocks that have expired; they are still there.</summary>
    /// <param name="onFailure">Hears of a block that could not be asked; it keeps no other from being found.</param>
    public async Task<IReadOnlyList<BlockMeta>> FindExpiredAsync(
        IEnumerable<BlockMeta> blocks, Action<BlockId, ObjectStoreException> onFailure, CancellationToken cancellation)
    {
        var expired = new List<BlockMeta>();
        foreach (var block in blocks)
        {
            var retention = options.TenantRetention(block.Tenant) ?? options.BlockRetention;
            if (retention <= TimeSpan.Zero) continue;
            var before = clock.UtcNow - retention;
            if (block.EndSeconds >= before.ToUnixTimeSeconds()) continue;
            try
            {
                var info = await objects.TryGetInfoAsync(BlockObjects.Key(block.Tenant, block.BlockId, BlockObjects.Meta), cancellation)
                    .ConfigureAwait(false);
                if (info is { } meta && meta.LastModified < before) expired.Add(block);
            }
            catch (ObjectStoreException e)
            {
                onFailure(block.BlockId, e);
            }
        }

        return expired;
    }

    /// <summary>Those of the blocks that there is no space for; they are still there.</summary>
    /// <param name="blocks">All blocks.</param>
    /// <param name="hasMarked">Blocks that are marked compacted still take space: they go first, and are looked at again.</param>
    public IReadOnlyList<BlockMeta> FindWithoutSpace(IReadOnlyCollection<BlockMeta> blocks, bool hasMarked)
    {
        var total = blocks.Sum(static block => block.SizeBytes);
        var keep = options.MaxBytes > 0 ? Math.Min(total, options.MaxBytes) : total;
        var excess = DiskExcessBytes;
        if (excess > 0 && !hasMarked) keep = Math.Min(keep, total - excess);
        return SpaceRetention.Choose(blocks, keep, options.TenantMaxBytes);
    }

    /// <summary>Bytes in use on the disk beyond its share; 0 if there is none, or no disk.</summary>
    public long DiskExcessBytes => options.MaxDiskShare > 0 && objects.LocalObjects?.Space is { } disk
        ? Math.Max(0, disk.UsedBytes - (long)(disk.TotalBytes * options.MaxDiskShare))
        : 0;

    /// <summary>
    /// Deletes the blocks that were marked long enough ago, and what was abandoned; of those <paramref name="isRead"/> is true
    /// for, nothing. Those that <paramref name="isUrgent"/> is true for are deleted as soon as they are marked. Returns how many
    /// blocks are gone. A block that cannot be deleted keeps no other from going; <paramref name="onFailure"/> hears of it.
    /// </summary>
    public async Task<int> DeleteAsync(
        Func<BlockId, bool> isRead, Func<BlockId, bool> isUrgent, Action<BlockId, ObjectStoreException> onFailure,
        CancellationToken cancellation)
    {
        var folders = new List<(TenantId Tenant, BlockId Block)>();
        await foreach (var folder in BlockObjects.ListFoldersAsync(objects, cancellation).ConfigureAwait(false)) folders.Add(folder);
        var deleted = 0;
        foreach (var (tenant, block) in folders)
        {
            cancellation.ThrowIfCancellationRequested();
            if (isRead(block)) continue;
            try
            {
                if (await HasMetaAsync(tenant, block, cancellation).ConfigureAwait(false)) continue;
                if (!await IsOverAsync(tenant, block, isUrgent(block), cancellation).ConfigureAwait(false)) continue;
                await compacted.DeleteAsync(tenant, block, cancellation).ConfigureAwait(false);
                deleted++;
            }
            catch (ObjectStoreException e)
            {
                onFailure(block, e);
            }
        }

        return deleted;
    }

    private async Task<bool> HasMetaAsync(TenantId tenant, BlockId block, CancellationToken cancellation) =>
        await objects.TryGetInfoAsync(BlockObjects.Key(tenant, block, BlockObjects.Meta), cancellation).ConfigureAwait(false) is not null;

    private async Task<bool> IsOverAsync(TenantId tenant, BlockId block, bool isUrgent, CancellationToken cancellation)
    {
        if (await compacted.TryGetTimeAsync(tenant, block, cancellation).ConfigureAwait(false) is { } since)
            return isUrgent || clock.UtcNow - since >= options.CompactedBlockRetention;
        return await NewestObjectAsync(tenant, block, cancellation).ConfigureAwait(false) is { } newest
            && clock.UtcNow - newest >= AbandonedAfter;
    }

    private async Task<DateTimeOffset?> NewestObjectAsync(TenantId tenant, BlockId block, CancellationToken cancellation)
    {
        DateTimeOffset? newest = null;
        await foreach (var entry in objects.ListAsync(BlockObjects.Folder(tenant, block), ListScope.Recursive, cancellation)
            .ConfigureAwait(false))
            if (entry.Info is { } info && (newest is null || info.LastModified > newest))
                newest = info.LastModified;
        return newest;
    }
}
