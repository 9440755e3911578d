namespace Tempo.Host.Config;

/// <summary>What the configuration says of the ring, as it stands there; <see cref="Startup.RingStart"/> makes it whole.</summary>
public sealed class RingConfig
{
    public const string DefaultKeyPrefix = "collectors/";

    /// <summary>inmemory: this node alone (or the members that are named); etcd.</summary>
    public string Store { get; set; } = "inmemory";
    public string KeyPrefix { get; set; } = DefaultKeyPrefix;
    public IReadOnlyList<string> EtcdEndpoints { get; set; } = [];
    public string EtcdUsername { get; set; } = "";
    public string EtcdPassword { get; set; } = "";
    public bool IsEtcdTls { get; set; }
    public TimeSpan EtcdDialTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>A member that is not heard of for so long is forgotten.</summary>
    public TimeSpan HeartbeatTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Empty: the name of the machine.</summary>
    public string InstanceId { get; set; } = "";

    /// <summary>Where other nodes reach this one; empty: the gRPC listen address, or an address of the machine.</summary>
    public string Address { get; set; } = "";

    /// <summary>0: the gRPC port.</summary>
    public int Port { get; set; }
    public string Zone { get; set; } = "";
    public bool IsZoneAware { get; set; }
    public int ReplicationFactor { get; set; } = 1;
    public int TokenCount { get; set; } = 128;

    /// <summary>The members of a ring without etcd.</summary>
    public IReadOnlyList<NamedMember> Members { get; set; } = [];

    /// <summary>Proves that a node belongs to the ring.</summary>
    public string Secret { get; set; } = "";
    public bool IsPeerTls { get; set; }
    public string PeerCaPath { get; set; } = "";
    public string PeerCertPath { get; set; } = "";
    public string PeerKeyPath { get; set; } = "";
    public string PeerServerName { get; set; } = "";

    /// <summary>How long an owner may take to store what it is given.</summary>
    public TimeSpan PushTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node may take to answer a part of a query.</summary>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node that stops may take to bring its spans to the store.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>A member of a ring without etcd.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Address">Host and port.</param>
/// <param name="Zone">Empty: none.</param>
/// <param name="Target">What it does, as its own configuration has it.</param>
public sealed record NamedMember(string Id, string Address, string Zone, string Target);
