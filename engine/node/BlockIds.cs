using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>
/// The id of the block that a tenant's part of a generation becomes. It depends on nothing but the log's identity, the
/// generation and the tenant: a cut that is repeated after a crash writes the same block, or finds it.
/// </summary>
internal static class BlockIds
{
    /// <param name="part">Counts from 0; only a tenant with a trace too large for one row has more (<see cref="TraceParts"/>).</param>
    public static BlockId Of(ulong logIdentity, ulong generation, TenantId tenant, int part = 0)
    {
        // FNV-1a, 64 bits.
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.ASCII.GetBytes(tenant.Value)) hash = (hash ^ b) * 1099511628211UL;
        var mixed = (hash ^ logIdentity) * 0x9E3779B97F4A7C15UL;
        return BlockId.Derive(
            mixed ^ (mixed >> 29), generation * 0xBF58476D1CE4E5B9UL ^ (ulong)part * 0x94D049BB133111EBUL ^ hash ^ logIdentity);
    }
}
