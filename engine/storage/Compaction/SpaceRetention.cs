using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Which blocks go when space is short. Pure: the same blocks give the same answer.
/// <code>
/// own     the oldest blocks of each tenant that has more than its own limit
/// share   the bytes to keep, divided by the tenants
/// go      the oldest block of those tenants that have more than a share, again and again until it fits
/// </code>
/// So a tenant with little loses nothing to one with much, and what one tenant does not use the others may.
/// </summary>
public static class SpaceRetention
{
    /// <summary>
    /// The blocks to let go so that data of at most <paramref name="bytesToKeep"/> is left, and of each tenant at most what
    /// <paramref name="bytesOfTenant"/> says (0: any number); first those beyond a tenant's limit, each oldest first.
    /// </summary>
    public static IReadOnlyList<BlockMeta> Choose(IEnumerable<BlockMeta> blocks, long bytesToKeep, Func<TenantId, long> bytesOfTenant)
    {
        var oldestFirst = blocks.OrderBy(static block => block.EndSeconds).ThenBy(static block => block.BlockId).ToList();
        var bytesOf = new Dictionary<TenantId, long>();
        long total = 0;
        foreach (var block in oldestFirst)
        {
            bytesOf[block.Tenant] = bytesOf.GetValueOrDefault(block.Tenant) + block.SizeBytes;
            total += block.SizeBytes;
        }

        var gone = new List<BlockMeta>();
        foreach (var block in oldestFirst)
        {
            if (bytesOfTenant(block.Tenant) is not (> 0 and var limit) || bytesOf[block.Tenant] <= limit) continue;
            bytesOf[block.Tenant] -= block.SizeBytes;
            total -= block.SizeBytes;
            gone.Add(block);
        }

        oldestFirst = [.. oldestFirst.Except(gone)];
        var share = Math.Max(0, bytesToKeep) / Math.Max(1, bytesOf.Count);
        while (total > Math.Max(0, bytesToKeep))
        {
            // There is one: together they have more than their shares.
            var index = oldestFirst.FindIndex(block => bytesOf[block.Tenant] > share);
            var block = oldestFirst[index];
            oldestFirst.RemoveAt(index);
            bytesOf[block.Tenant] -= block.SizeBytes;
            total -= block.SizeBytes;
            gone.Add(block);
        }

        return gone;
    }
}
