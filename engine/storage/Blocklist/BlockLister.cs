using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>
/// Lists the blocks of a store:
/// <code>
/// 1 which there are   one listing of everything: a block exists if its meta.json does
/// 2 what they are     each meta.json, several at a time; or, where that is asked for, the tenant's index, and meta.json only
///                     of blocks that the index does not know
/// </code>
/// So a large store costs a listing instead of a read a block, and an index that is old costs nothing but reads. The listing says
/// on the way which blocks are quarantined and which tenants have deleted traces.
/// </summary>
public sealed class BlockLister(IObjectStore objects, TenantIndexUse index, DateTimeOffset now)
{
    /// <summary>Metas that are read at once.</summary>
    private const int MaxParallelReads = 50;

    /// <summary>
    /// All blocks of all tenants but those that <paramref name="isKnown"/> is true for, which are only said to exist; and those that
    /// are there and cannot be read. Throws <see cref="ObjectStoreException"/>.
    /// </summary>
    public async Task<BlockListing> ListAsync(Func<BlockId, bool> isKnown, CancellationToken cancellation)
    {
        var listing = new BlockListing();
        await foreach (var entry in objects.ListAsync(ObjectKey.Root, ListScope.Recursive, cancellation).ConfigureAwait(false))
            Note(listing, entry);
        var unread = new List<(TenantId Tenant, BlockId Block)>();
        foreach (var tenant in listing.Existing.Where(block => !isKnown(block.Block)).GroupBy(static block => block.Tenant))
        {
            var known = index.IsUsed ? await ReadIndexAsync(listing, tenant.Key, cancellation).ConfigureAwait(false) : [];
            if (known is null) continue;
            foreach (var block in tenant)
            {
                if (known.TryGetValue(block.Block, out var meta)) listing.Blocks.Add(meta);
                else unread.Add(block);
            }
        }

        listing.Blocks.AddRange(await ReadMetasAsync(
            listing, unread, BlockObjects.Meta, (tenant, block) => listing.Over[block] = tenant, cancellation).ConfigureAwait(false));
        listing.Blocks.Sort(static (a, b) => a.BlockId.CompareTo(b.BlockId));
        return listing;
    }

    private static void Note(BlockListing listing, ObjectEntry entry)
    {
        if (BlockObjects.TryParse(entry.Key, BlockObjects.Meta, out var tenant, out var block)) listing.Existing.Add((tenant, block));
        else if (BlockObjects.TryParse(entry.Key, BlockObjects.CompactedMeta, out tenant, out block)) listing.Over[block] = tenant;
        else if (BlockObjects.TryParse(entry.Key, BlockObjects.Quarantine, out _, out block)) listing.Quarantined.Add(block);
        else if (DeletedTracesStore.TryParseKey(entry.Key, out tenant) && entry.Info is { } info) listing.DeletedTraces[tenant] = info;
    }

    // Null: there is no index that may be used, and the tenant's metas are not to be read instead.
    private async Task<Dictionary<BlockId, BlockMeta>?> ReadIndexAsync(
        BlockListing listing, TenantId tenant, CancellationToken cancellation)
    {
        var found = await new TenantIndexObjects(objects).TryReadAsync(tenant, listing.Warnings.Add, cancellation).ConfigureAwait(false);
        if (found is not null && index.StaleAfter > TimeSpan.Zero && now - found.CreatedAt > index.StaleAfter)
        {
            listing.Warnings.Add($"tenant {tenant}: the index is of {found.CreatedAt:u}, and may be no older than {index.StaleAfter}");
            found = null;
        }

        if (found is null && !index.FallsBack)
        {
            listing.FailedTenants.Add(tenant);
            return null;
        }

        var known = new Dictionary<BlockId, BlockMeta>();
        foreach (var meta in found?.Blocks ?? [])
            if (meta.Tenant == tenant && BlockVersion.Find(meta.Format) is not null)
                known[meta.BlockId] = meta;
        return known;
    }

    /// <summary>
    /// What blocks were that are over. Those that are deleted by now are left out; those of which that cannot be read are added to the
    /// unreadable ones. Throws <see cref="ObjectStoreException"/>.
    /// </summary>
    public async Task<List<BlockMeta>> ReadOverAsync(BlockListing listing, IEnumerable<BlockId> blocks, CancellationToken cancellation)
    {
        var over = blocks.Select(block => (listing.Over[block], block)).ToList();
        return await ReadMetasAsync(listing, over, BlockObjects.CompactedMeta, static (_, _) => { }, cancellation).ConfigureAwait(false);
    }

    // The metas under the name that blocks have them by; those that cannot be read are added to the unreadable ones.
    private async Task<List<BlockMeta>> ReadMetasAsync(
        BlockListing listing, List<(TenantId Tenant, BlockId Block)> blocks, string name, Action<TenantId, BlockId> onGone,
        CancellationToken cancellation)
    {
        var found = new List<BlockMeta>();
        var refusals = new List<ObjectStoreException>();
        foreach (var some in blocks.Chunk(MaxParallelReads))
        {
            var metas = await Task.WhenAll(some.Select(block => GetAsync(BlockObjects.Key(block.Tenant, block.Block, name), cancellation)))
                .ConfigureAwait(false);
            for (var i = 0; i < some.Length; i++)
            {
                var (json, refusal) = metas[i];
                var (tenant, block) = some[i];
                if (refusal is not null)
                {
                    refusals.Add(refusal);
                    listing.Unreadable.Add(new UnreadableBlock(tenant, block, refusal.Message, IsDamaged: false));
                }
                else if (json is null)
                {
                    onGone(tenant, block);
                }
                else if (TryRead(json, tenant, block, out var meta, out var error))
                {
                    found.Add(meta!);
                }
                else
                {
                    listing.Unreadable.Add(new UnreadableBlock(tenant, block, error, IsDamaged: true));
                }
            }
        }

        // Every one of several: that is no matter of single blocks.
        return refusals.Count > 1 && refusals.Count == blocks.Count ? throw refusals[0] : found;
    }

    // Neither: there is none. What is denied or too large is of this block alone, and so is a bad sector of a local disk: one
    // block is left out, instead of all. A service that fails, fails as a whole, and is asked again.
    private async Task<(byte[]? Json, ObjectStoreException? Refusal)> GetAsync(ObjectKey meta, CancellationToken cancellation)
    {
        try
        {
            return (await objects.TryGetAsync(meta, BlockMeta.MaxJsonBytes, cancellation).ConfigureAwait(false), null);
        }
        catch (ObjectStoreException e) when (e.Error is ObjectStoreError.AccessDenied or ObjectStoreError.TooLarge
            || e.Error == ObjectStoreError.Failed && objects.LocalObjects is not null)
        {
            return (null, e);
        }
    }

    /// <summary>Reads a block's meta.json and checks that it is this block's, and of a format that is read.</summary>
    internal static bool TryRead(byte[] json, TenantId tenant, BlockId id, out BlockMeta? meta, out string error)
    {
        if (!BlockMeta.TryParse(json, out meta, out error)) return false;
        if (BlockVersion.Find(meta!.Format) is null)
            error = $"format '{meta.Format}' is not read; {string.Join(", ", BlockVersion.All.Select(static version => version.Name))} are";
        else if (meta.BlockId != id || meta.Tenant != tenant) error = $"meta.json is of {meta.Tenant}/{meta.BlockId}";
        return error.Length == 0;
    }
}

/// <summary>How a listing uses the indexes of tenants.</summary>
/// <param name="IsUsed">Metas come from the index where it has them.</param>
/// <param name="StaleAfter">An index that is older is not used. 0: none is too old.</param>
/// <param name="FallsBack">Without a usable index metas are read one by one; else the tenant's new blocks stay unknown, and it counts as
/// failed.</param>
public readonly record struct TenantIndexUse(bool IsUsed, TimeSpan StaleAfter, bool FallsBack)
{
    public static readonly TenantIndexUse None = new(false, TimeSpan.Zero, true);

    public static readonly TenantIndexUse Always = new(true, TimeSpan.Zero, true);
}

/// <summary>What a listing found.</summary>
public sealed class BlockListing
{
    /// <summary>Every block that has a meta.json.</summary>
    public HashSet<(TenantId Tenant, BlockId Block)> Existing { get; } = [];

    /// <summary>
    /// Blocks that are over: compacted, or expired, some of them while the listing ran. A listing is not of one moment: what one of
    /// those became may have been written where the listing had been already.
    /// </summary>
    public Dictionary<BlockId, TenantId> Over { get; } = [];

    /// <summary>Those of them that were not known, by id.</summary>
    public List<BlockMeta> Blocks { get; } = [];

    /// <summary>Blocks that are there, and whose spans are missing from every answer of their tenant.</summary>
    public List<UnreadableBlock> Unreadable { get; } = [];

    /// <summary>Blocks that are left out of compaction (<see cref="BlockQuarantine"/>).</summary>
    public HashSet<BlockId> Quarantined { get; } = [];

    /// <summary>The objects that say which traces a tenant has deleted.</summary>
    public Dictionary<TenantId, ObjectInfo> DeletedTraces { get; } = [];

    /// <summary>Tenants whose new blocks are not known, for want of an index.</summary>
    public List<TenantId> FailedTenants { get; } = [];

    /// <summary>Whether it shows what a tenant's blocks became: not where its new blocks are not known.</summary>
    public bool ShowsSuccessorsOf(TenantId tenant) => !FailedTenants.Contains(tenant);

    /// <summary>What was damaged and cost nothing.</summary>
    public List<string> Warnings { get; } = [];
}

/// <summary>A block whose meta.json cannot be read, or is of a format that is not.</summary>
/// <param name="Error">What is wrong.</param>
/// <param name="IsDamaged">It was read, and its bytes are wrong; else the store did not hand it out, which may pass.</param>
public sealed record UnreadableBlock(TenantId Tenant, BlockId Block, string Error, bool IsDamaged);
