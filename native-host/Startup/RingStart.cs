using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Ring;
using Tempo.Ring.Membership;
using Tempo.Ring.Membership.Etcd;
using Tempo.Ring.Peers;

namespace Tempo.Host.Startup;

/// <summary>Makes the place in the ring that the configuration means; what does not fit together is an error of the start.</summary>
internal static class RingStart
{
    /// <summary>Null: this node is alone. Throws <see cref="ConfigException"/>.</summary>
    /// <param name="host">What the configuration says.</param>
    /// <param name="overrides">Limits of tenants.</param>
    /// <param name="log">Is told if the others take this node for something else.</param>
    public static RingOptions? OptionsOf(HostOptions host, TenantOverrides overrides, Log log)
    {
        Check(host);
        var config = host.Ring;
        var isEtcd = config.Store == "etcd";
        if (!isEtcd && config.Members.Count == 0) return null;
        var id = config.InstanceId.Length > 0 ? config.InstanceId : Dns.GetHostName();
        CheckOwn(host, id);
        var own = config.Members.FirstOrDefault(member => member.Id == id);
        if (own is not null && RolesOf(own.Target) != RolesOf(host.Target))
            log.Warn("ring.members names another target for this node than it has, and the others go by that", ("id", id),
                ("target", host.Target), ("named", own.Target));
        return new RingOptions
        {
            InstanceId = id,
            Address = own?.Address ?? AddressOf(host),
            Zone = config.Zone.Length > 0 ? config.Zone : own?.Zone ?? "",
            Roles = RolesOf(host.Target),
            TokenCount = config.TokenCount,
            ReplicationFactor = config.ReplicationFactor,
            IsZoneAware = config.IsZoneAware,
            Etcd = isEtcd ? EtcdOf(config) : null,
            StaticMembers = [.. config.Members.Select(
                member =>
                    new Member(member.Id, member.Address, member.Zone, MemberState.Active, RolesOf(member.Target), config.TokenCount))],
            Peers = PeersOf(config),
            ShardSizeOf = tenant => overrides.Of(tenant).Ingestion.TenantShardSize,
            LostKept = host.Node.MaxBlockDuration * 2 + TimeSpan.FromMinutes(5),
        };
    }

    /// <summary>Holds what the configuration says of the ring against itself and its store, before anything is started.</summary>
    /// <exception cref="ConfigException">It does not fit together.</exception>
    public static void Check(HostOptions host)
    {
        if (GeneratorServer.Targets.Contains(host.Target)) return; // outside of any ring
        var config = host.Ring;
        var parts = Targets.Of(host.Target);
        var isEtcd = config.Store == "etcd";
        if (!isEtcd && config.Members.Count == 0)
        {
            if (!parts.IsAll)
                throw new ConfigException(
                    $"target {host.Target} is a part of a ring, and none is configured: ingester.lifecycler.ring.kvstore with store: etcd, or ring.members");
            if (config.ReplicationFactor > 1)
                throw new ConfigException(
                    $"ingester.lifecycler.ring.replication_factor {config.ReplicationFactor} needs a ring, and none is configured: ingester.lifecycler.ring.kvstore with store: etcd, or ring.members");
            return;
        }

        if (isEtcd && config.Members.Count > 0)
            throw new ConfigException("ring.members and a kvstore with store: etcd are both there; one of them says who is in the ring");
        if (isEtcd && config.EtcdEndpoints.Count == 0)
            throw new ConfigException("kvstore.store is etcd and kvstore.etcd.endpoints is missing");
        if (host.Node.Remote is null)
            throw new ConfigException("a ring needs an object service that all its nodes share: storage.trace.backend s3, azure or gcs");
        // Without an id it is the machine's name, and a file may be checked on another one.
        if (config.InstanceId.Length > 0) CheckOwn(host, config.InstanceId);
    }

    private static void CheckOwn(HostOptions host, string id)
    {
        var members = host.Ring.Members;
        if (members.Count > 0 && !members.Any(member => member.Id == id) && Targets.Of(host.Target).Holds)
            throw new ConfigException($"ring.members does not name this node: {id} (ingester.lifecycler.id)");
    }

    private static MemberRoles RolesOf(string target)
    {
        var parts = Targets.Of(target);
        return (parts.Holds ? MemberRoles.Holder : 0) | (parts.Compacts ? MemberRoles.Compactor : 0)
            | (parts.Receives ? MemberRoles.Receiver : 0) | (parts.Queries ? MemberRoles.Querier : 0);
    }

    private static EtcdOptions EtcdOf(RingConfig config) => new()
    {
        Endpoints = config.EtcdEndpoints,
        Prefix = config.KeyPrefix,
        Username = config.EtcdUsername,
        Password = config.EtcdPassword,
        IsTls = config.IsEtcdTls,
        DialTimeout = config.EtcdDialTimeout,
        LeaseTtl = config.HeartbeatTimeout,
    };

    private static PeerOptions PeersOf(RingConfig config) => new()
    {
        Secret = config.Secret,
        IsTls = config.IsPeerTls,
        CaPath = config.PeerCaPath,
        CertPath = config.PeerCertPath,
        KeyPath = config.PeerKeyPath,
        ServerName = config.PeerServerName,
        PushTimeout = config.PushTimeout,
        QueryTimeout = config.QueryTimeout,
    };

    private static string AddressOf(HostOptions host)
    {
        var port = host.Ring.Port > 0 ? host.Ring.Port : host.Api.GrpcListenPort;
        var address = host.Ring.Address.Length > 0 ? host.Ring.Address
            : host.Api.GrpcListenAddress is { Length: > 0 } listen and not ("0.0.0.0" or "::") ? listen
            : OwnAddress();
        return address.Contains(':', StringComparison.Ordinal) && !address.StartsWith('[') ? $"[{address}]:{port}" : $"{address}:{port}";
    }

    // The first address that is not the machine's own.
    private static string OwnAddress() =>
        NetworkInterface.GetAllNetworkInterfaces()
            .Where(static card =>
                card is { OperationalStatus: OperationalStatus.Up, NetworkInterfaceType: not NetworkInterfaceType.Loopback })
            .SelectMany(static card => card.GetIPProperties().UnicastAddresses)
            .FirstOrDefault(static address => address.Address.AddressFamily == AddressFamily.InterNetwork)?.Address.ToString()
        ?? throw new NodeStartException("this machine has no address that others reach it at; name one in ingester.lifecycler.address");
}
