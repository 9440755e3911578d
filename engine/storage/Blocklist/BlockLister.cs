using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>
/// Lists the blocks of a store. Which there are says the listing: a block exists if its meta.json does. What they are says each
/// meta.json, or, where that is asked for, the tenant's index, and meta.json only of blocks that the index does not know: then
/// a large store costs one listing a tenant instead of a read a block, and an index that is old costs nothing but reads.
/// </summary>
public sealed class BlockLister(IObjectStore objects, bool useTenantIndex)
{
    /// <summary>All blocks of all tenants, and those that are there and cannot be read.</summary>
    public async Task<BlockListing> ListAsync(CancellationToken cancellation)
    {
        var listing = new BlockListing();
        var indexes = new Dictionary<TenantId, Dictionary<BlockId, BlockMeta>>();
        var found = new List<(TenantId Tenant, BlockId Block)>();
        await foreach (var entry in BlockObjects.ListFoldersAsync(objects, cancellation).ConfigureAwait(false)) found.Add(entry);
        foreach (var (tenant, id) in found)
        {
            if (!useTenantIndex)
            {
                await ReadAsync(listing, tenant, id, cancellation).ConfigureAwait(false);
                continue;
            }

            if (!indexes.TryGetValue(tenant, out var index)) indexes.Add(tenant, index = await ReadIndexAsync(listing, tenant, cancellation).ConfigureAwait(false));
            if (!index.TryGetValue(id, out var meta)) await ReadAsync(listing, tenant, id, cancellation).ConfigureAwait(false);
            else if (await objects.TryGetInfoAsync(BlockObjects.Key(tenant, id, BlockObjects.Meta), cancellation).ConfigureAwait(false) is not null) listing.Blocks.Add(meta);
        }

        return listing;
    }

    private async Task<Dictionary<BlockId, BlockMeta>> ReadIndexAsync(BlockListing listing, TenantId tenant, CancellationToken cancellation)
    {
        var index = await new TenantIndexObjects(objects).TryReadAsync(tenant, listing.Warnings.Add, cancellation).ConfigureAwait(false);
        var known = new Dictionary<BlockId, BlockMeta>();
        foreach (var meta in index?.Blocks ?? [])
            if (meta.Tenant == tenant && BlockVersion.Find(meta.Format) is not null)
                known[meta.BlockId] = meta;
        return known;
    }

    private async Task ReadAsync(BlockListing listing, TenantId tenant, BlockId id, CancellationToken cancellation)
    {
        var json = await objects.TryGetAsync(BlockObjects.Key(tenant, id, BlockObjects.Meta), BlockMeta.MaxJsonBytes, cancellation).ConfigureAwait(false);
        if (json is null) return;
        if (TryRead(json, tenant, id, out var meta, out var error)) listing.Blocks.Add(meta!);
        else listing.Unreadable.Add(new UnreadableBlock(tenant, id, error));
    }

    /// <summary>Reads a block's meta.json and checks that it is this block's, and of a format that is read.</summary>
    internal static bool TryRead(byte[] json, TenantId tenant, BlockId id, out BlockMeta? meta, out string error)
    {
        if (!BlockMeta.TryParse(json, out meta, out error)) return false;
        if (BlockVersion.Find(meta!.Format) is null) error = $"format '{meta.Format}' is not read; {string.Join(", ", BlockVersion.All.Select(static version => version.Name))} are";
        else if (meta.BlockId != id || meta.Tenant != tenant) error = $"meta.json is of {meta.Tenant}/{meta.BlockId}";
        return error.Length == 0;
    }
}

/// <summary>What a listing found.</summary>
public sealed class BlockListing
{
    public List<BlockMeta> Blocks { get; } = [];

    /// <summary>Blocks that are there, and whose spans are missing from every answer of their tenant.</summary>
    public List<UnreadableBlock> Unreadable { get; } = [];

    /// <summary>What was damaged and cost nothing.</summary>
    public List<string> Warnings { get; } = [];
}

/// <summary>A block whose meta.json cannot be read, or is of a format that is not.</summary>
/// <param name="Error">What is wrong.</param>
public sealed record UnreadableBlock(TenantId Tenant, BlockId Block, string Error);
