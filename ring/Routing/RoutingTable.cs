using Tempo.Engine.Foundation;
using Tempo.Ring.Hashing;

namespace Tempo.Ring.Routing;

/// <summary>
/// Who is given spans at one moment: the ring of the active holders, and of each tenant the part of it that the tenant uses.
/// A change of membership makes a new table.
/// </summary>
public sealed class RoutingTable(TokenRing ring, IReadOnlyDictionary<string, IMember> members, Func<TenantId, int> shardSizeOf)
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<TenantId, TenantRoute> _tenants = new();

    public TokenRing Ring => ring;

    /// <summary>The member of a name in the ring.</summary>
    public IMember MemberOf(string id) => members[id];

    /// <summary>The tenant's part of the ring, kept until the table is replaced or the size of its part changes.</summary>
    public TenantRoute RouteOf(TenantId tenant)
    {
        var size = shardSizeOf(tenant);
        if (_tenants.TryGetValue(tenant, out var route) && route.ShardSize == size) return route;
        return _tenants[tenant] = new TenantRoute(RingHash.OfText(tenant.Value), ring.ShardOf(tenant.Value, size), size);
    }
}

/// <summary>How the spans of one tenant find their owners.</summary>
/// <param name="Hash">Of the tenant's name.</param>
/// <param name="Ring">The members that the tenant uses.</param>
/// <param name="ShardSize">How many those are; 0: all.</param>
public sealed record TenantRoute(ulong Hash, TokenRing Ring, int ShardSize)
{
    public int SetOf(TraceId trace) => Ring.SetOf(RingHash.Of(Hash, trace));
}
