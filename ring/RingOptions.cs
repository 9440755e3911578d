using Tempo.Engine.Foundation;
using Tempo.Ring.Membership;
using Tempo.Ring.Membership.Etcd;
using Tempo.Ring.Peers;

namespace Tempo.Ring;

/// <summary>A node's place in its ring.</summary>
public sealed record RingOptions
{
    /// <summary>Its name; no two nodes have the same.</summary>
    public required string InstanceId { get; init; }

    /// <summary>Host and port where the others reach it.</summary>
    public required string Address { get; init; }

    public string Zone { get; init; } = "";

    public MemberRoles Roles { get; init; } = MemberRoles.Holder | MemberRoles.Compactor;

    public int TokenCount { get; init; } = Member.UsualTokens;

    /// <summary>Copies of each span, 1 to 3.</summary>
    public int ReplicationFactor { get; init; } = 1;

    /// <summary>Copies of a span go to nodes of different zones.</summary>
    public bool IsZoneAware { get; init; }

    /// <summary>Where the members are registered; null: <see cref="StaticMembers"/>.</summary>
    public EtcdOptions? Etcd { get; init; }

    /// <summary>Members that the configuration names, this one among them or not.</summary>
    public IReadOnlyList<Member> StaticMembers { get; init; } = [];

    public PeerOptions Peers { get; init; } = new();

    /// <summary>Members that a tenant's spans are spread over; 0: all.</summary>
    public Func<TenantId, int> ShardSizeOf { get; init; } = static _ => 0;

    /// <summary>How long a member that was lost is remembered: twice the time after which live data is in the store.</summary>
    public TimeSpan LostKept { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a node that starts waits until the others that are there know it.</summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
