using Tempo.Host.Startup;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// Keys of the ring. Tempo has a ring for each of its services, each with a <c>kvstore</c> of its own; here there is one, and the
/// keys of all of them mean it. Ours are below <c>ring</c>.
/// </summary>
internal static class RingKeys
{
    private const string Main = "ingester.lifecycler.ring";
    private const string NotNeeded = "not needed by this engine";
    private const string NotYet = "not available in this version";
    private const string MembersExpected = "a list of {id, address, zone, target} is expected";
    private const string OtherStore = "members are kept in etcd, or named under ring.members";
    private static readonly string[] Others = ["distributor.ring", "live_store.ring", "compactor.ring", "backend_worker.ring"];
    private static readonly TimeSpan OneDay = TimeSpan.FromDays(1);

    public static IEnumerable<ConfigKey> All =>
    [
        .. KvStore(Main, isMain: true),
        Duration(Main + ".heartbeat_timeout", TimeSpan.FromSeconds(2), OneDay, (o, v) => o.Ring.HeartbeatTimeout = v,
            o => o.Ring.HeartbeatTimeout),
        Int(Main + ".replication_factor", 1, 3, (o, v) => o.Ring.ReplicationFactor = v, o => o.Ring.ReplicationFactor),
        Bool(Main + ".zone_awareness_enabled", (o, v) => o.Ring.IsZoneAware = v, o => o.Ring.IsZoneAware),
        new ConfigWithoutEffect(Main + ".excluded_zones", NotYet),
        Text("ingester.lifecycler.id", (o, v) => o.Ring.InstanceId = v, o => o.Ring.InstanceId),
        Text("ingester.lifecycler.address", (o, v) => o.Ring.Address = v, o => o.Ring.Address),
        Int("ingester.lifecycler.port", 0, 65535, (o, v) => o.Ring.Port = v, o => o.Ring.Port),
        Text("ingester.lifecycler.availability_zone", (o, v) => o.Ring.Zone = v, o => o.Ring.Zone),
        Int("ingester.lifecycler.num_tokens", 1, 4096, (o, v) => o.Ring.TokenCount = v, o => o.Ring.TokenCount),
        .. Without("ingester.lifecycler.", "heartbeat_period", "heartbeat_timeout", "observe_period", "join_after", "min_ready_duration",
            "interface_names", "enable_inet6",
            "final_sleep", "tokens_file_path", "unregister_on_shutdown", "readiness_check_ring_health"),
        .. Others.SelectMany(OfOther),

        Duration("ingester_client.remote_timeout", TimeSpan.FromMilliseconds(100), OneDay, (o, v) => o.Ring.PushTimeout = v,
            o => o.Ring.PushTimeout),
        Bool("ingester_client.grpc_client_config.tls_enabled", (o, v) => o.Ring.IsPeerTls = v, o => o.Ring.IsPeerTls),
        Text("ingester_client.grpc_client_config.tls_ca_path", (o, v) => o.Ring.PeerCaPath = v, o => o.Ring.PeerCaPath),
        Text("ingester_client.grpc_client_config.tls_cert_path", (o, v) => o.Ring.PeerCertPath = v, o => o.Ring.PeerCertPath),
        Text("ingester_client.grpc_client_config.tls_key_path", (o, v) => o.Ring.PeerKeyPath = v, o => o.Ring.PeerKeyPath),
        Text("ingester_client.grpc_client_config.tls_server_name", (o, v) => o.Ring.PeerServerName = v, o => o.Ring.PeerServerName),
        new ConfigRefused("ingester_client.grpc_client_config.tls_insecure_skip_verify", NotYet),
        .. Without("ingester_client.grpc_client_config.", "max_recv_msg_size", "max_send_msg_size", "grpc_compression", "rate_limit",
            "rate_limit_burst", "backoff_on_ratelimits",
            "backoff_config", "initial_stream_window_size", "initial_connection_window_size", "connect_timeout",
            "connect_backoff_base_delay", "connect_backoff_max_delay",
            "tls_cipher_suites", "tls_min_version", "cluster_validation"),
        .. Without("ingester_client.", "pool_config"),

        new ConfigStructure("ring.members", SetMembers, RenderMembers),
        Text("ring.peer_secret", (o, v) => o.Ring.Secret = v,
            o => o.Ring.Secret) with { Render = static o => o.Ring.Secret.Length == 0 ? "\"\"" : "<secret>" },
        Duration("ring.query_timeout", TimeSpan.FromMilliseconds(100), OneDay, (o, v) => o.Ring.QueryTimeout = v, o => o.Ring.QueryTimeout),
        Duration("ring.drain_timeout", TimeSpan.Zero, OneDay, (o, v) => o.Ring.DrainTimeout = v, o => o.Ring.DrainTimeout),
    ];

    private static IEnumerable<ConfigKey> KvStore(string section, bool isMain)
    {
        var at = section + ".kvstore";
        ConfigKey[] keys =
        [
            new ConfigScalar(at + ".store", SetStore, o => o.Ring.Store),
            Text(at + ".prefix", (o, v) => o.Ring.KeyPrefix = v, o => o.Ring.KeyPrefix),
            new ConfigStructure(at + ".etcd.endpoints", SetEndpoints,
                static o => $"[{string.Join(", ", o.Ring.EtcdEndpoints.Select(static endpoint => GoText.Quote(endpoint)))}]"),
            Text(at + ".etcd.username", (o, v) => o.Ring.EtcdUsername = v, o => o.Ring.EtcdUsername),
            Text(at + ".etcd.password", (o, v) => o.Ring.EtcdPassword = v,
                o => o.Ring.EtcdPassword) with { Render = static o => o.Ring.EtcdPassword.Length == 0 ? "\"\"" : "<secret>" },
            Bool(at + ".etcd.tls_enabled", (o, v) => o.Ring.IsEtcdTls = v, o => o.Ring.IsEtcdTls),
            Duration(at + ".etcd.dial_timeout", TimeSpan.FromMilliseconds(100), OneDay, (o, v) => o.Ring.EtcdDialTimeout = v,
                o => o.Ring.EtcdDialTimeout),
            new ConfigWithoutEffect(at + ".etcd.max_retries", NotNeeded),
            .. new[] { "tls_cert_path", "tls_key_path", "tls_ca_path", "tls_server_name", "tls_insecure_skip_verify", "tls_cipher_suites",
                "tls_min_version" }.Select(key => new ConfigRefused($"{at}.etcd.{key}", NotYet)),
            // Which of them is used, store says, and neither of these two is taken there.
            new ConfigWithoutEffect(at + ".consul", OtherStore),
            new ConfigWithoutEffect(at + ".multi", OtherStore),
        ];
        return isMain ? keys : keys.Select(UnlessDefault);
    }

    // All rings are one here, and Tempo's reference writes the defaults below each: of the others only what is no default counts, or it
    // would take back what the main one says.
    private static ConfigKey UnlessDefault(ConfigKey key) => key switch
    {
        ConfigScalar scalar =>
            scalar with
            {
                Set = (o, text) => text is "" or "inmemory" or "false" or RingConfig.DefaultKeyPrefix
                ? null
                : scalar.Set(o, text),
                Render = static _ => null
            },
        ConfigStructure structure =>
            structure with
            {
                Set = (o, node) => node is YamlSequence { Items.Count: 0 } ? null : structure.Set(o, node),
                Render = static _ => null
            },
        _ => key,
    };

    // What the rings of other services have besides.
    private static IEnumerable<ConfigKey> OfOther(string section) =>
    [
        .. KvStore(section, isMain: false),
        .. Without(section + ".", "heartbeat_period", "heartbeat_timeout", "instance_id", "instance_interface_names", "instance_addr",
            "instance_port", "enable_inet6", "instance_enable_ipv6",
            "wait_stability_min_duration", "wait_stability_max_duration", "wait_active_instance_timeout", "num_tokens",
            "auto_forget_unhealthy_periods", "instance_availability_zone", "replication_factor",
            "auto_forget_enabled", "availability_zone", "instance_zone"),
    ];

    private static IEnumerable<ConfigKey> Without(string section, params string[] keys) =>
        keys.Select(key => new ConfigWithoutEffect(section + key, NotNeeded));

    private static string? SetStore(HostOptions options, string text)
    {
        if (text is "memberlist" or "consul" or "multi")
            return $"{text} is not available: this engine keeps its members in etcd (store: etcd, etcd.endpoints: [...]), or takes them from ring.members";
        if (text is not ("etcd" or "inmemory")) return $"unknown value {GoText.Quote(text)}, known are etcd, inmemory";
        options.Ring.Store = text;
        return null;
    }

    private static string? SetEndpoints(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return "a list of host:port is expected";
        var endpoints = new List<string>();
        foreach (var item in list.Items)
        {
            if (item is not YamlScalar { Text: var text } || !Ring.Membership.MemberJson.IsAddress(text))
                return "a list of host:port is expected";
            endpoints.Add(text);
        }

        options.Ring.EtcdEndpoints = endpoints;
        return null;
    }

    private static string? SetMembers(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return MembersExpected;
        var members = new List<NamedMember>();
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return MembersExpected;
            var (id, address, zone, target) = ("", "", "", "all");
            foreach (var entry in mapping.Entries)
            {
                if (entry.Value is not YamlScalar { Text: var text }) return $"{entry.Key}: a single value is expected";
                if (entry.Key == "id") id = text;
                else if (entry.Key == "address") address = text;
                else if (entry.Key == "zone") zone = text;
                else if (entry.Key == "target") target = text;
                else return $"field {entry.Key} not found in a member; id, address, zone, target are known";
            }

            if (id.Length == 0) return "a member has no id";
            if (!Ring.Membership.MemberJson.IsAddress(address)) return $"member {id}: address {GoText.Quote(address)} is no host:port";
            if (Targets.Check(target) is { } wrong) return $"member {id}: target: {wrong}";
            if (GeneratorServer.Targets.Contains(target))
                return $"member {id}: target: {target} is a process beside the ring, and no member";
            if (members.Exists(member => member.Id == id)) return $"member {id} is named twice";
            members.Add(new NamedMember(id, address, zone, target));
        }

        options.Ring.Members = members;
        return null;
    }

    private static string RenderMembers(HostOptions options) =>
        $"[{string.Join(", ", options.Ring.Members.Select(static member => $"{{id: {GoText.Quote(member.Id)}, address: {GoText.Quote(member.Address)}, zone: {GoText.Quote(member.Zone)}, target: {member.Target}}}"))}]";
}
