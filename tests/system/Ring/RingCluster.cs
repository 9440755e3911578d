using System.Globalization;
using System.Text.Json;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>What a cluster of a test is like.</summary>
internal sealed record RingSettings
{
    public int ReplicationFactor { get; init; } = 1;
    public int Nodes { get; init; } = 3;
    public string MaxBlockDuration { get; init; } = "5m";
    public string CompactionCycle { get; init; } = "30s";

    /// <summary>How often each node lists the store by itself.</summary>
    public string BlocklistPoll { get; init; } = "1h";

    /// <summary>How late the store may list, as the nodes are told.</summary>
    public string ListingDelay { get; init; } = "0s";

    /// <summary>How long the files of compacted blocks stay.</summary>
    public string CompactedBlockRetention { get; init; } = "1h";

    /// <summary>By ring.members instead of etcd.</summary>
    public bool IsStatic { get; init; }

    /// <summary>
    /// With <see cref="IsStatic"/>: each node names itself alone. They share the bucket, and each takes all of it for its own to compact.
    /// </summary>
    public bool AreStrangers { get; init; }

    /// <summary>Nodes reach each other, and etcd, through links that can be cut.</summary>
    public bool HasLinks { get; init; }

    /// <summary>How long a node waits for another one, over links: short where one is to be found silent.</summary>
    public string PeerTimeout { get; init; } = "2s";

    /// <summary>Whatever is asked is divided over the nodes, as far as there are blocks.</summary>
    public bool IsDivided { get; init; } = true;

    /// <summary>All nodes send their own traces to the first one, of queries that are a part of a trace already.</summary>
    public bool HasOwnTraces { get; init; }

    /// <summary>Nodes know each other by certificates.</summary>
    public TestCertificates? Certificates { get; init; }

    /// <summary>As in <see cref="TempoSettings.DistributorMore"/>.</summary>
    public string DistributorMore { get; init; } = "";

    /// <summary>Target of each node; "all" for those that are not named.</summary>
    public string[] Targets { get; init; } = [];
}

/// <summary>Nodes of the real binary on loopback, a real etcd, and a stub of S3 with the wire of the real one.</summary>
internal sealed class RingCluster : IAsyncDisposable
{
    private const string Secret = "canary-ring-secret";

    private const string Shares = "query_frontend: {search: {bytes_per_node: 1}, metrics: {bytes_per_node: 1}}\n";
    private readonly RingSettings _settings;

    private RingCluster(RingSettings settings) => _settings = settings;

    public S3Stub S3 { get; } = new();

    public EtcdProcess Etcd { get; } = new();

    public List<TempoProcess> Nodes { get; } = [];

    /// <summary>The link to each node's port, in their order.</summary>
    public List<FaultProxy> Links { get; } = [];

    /// <summary>The link from each node to etcd.</summary>
    public List<FaultProxy> EtcdLinks { get; } = [];

    public static async Task<RingCluster> StartAsync(RingSettings settings)
    {
        var cluster = new RingCluster(settings);
        try
        {
            if (!settings.IsStatic) await cluster.Etcd.StartAsync();
            for (var i = 0; i < settings.Nodes; i++) cluster.Prepare(cluster.TargetOf(i));
            if (settings.IsStatic) cluster.NameMembers();
            foreach (var node in cluster.Nodes) node.StartWithoutWaiting();
            await Task.WhenAll(cluster.Nodes.Select(node => node.WaitUntilReadyAsync()));
            foreach (var node in cluster.Nodes)
                await cluster.SeesAsync(
                    node, "ACTIVE", settings.Targets.Count(static target => target is not ("all" or "ingester")) is var others
                        ? settings.AreStrangers ? 1 : settings.Nodes - others
                        : 0);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A further node, not running yet.</summary>
    public TempoProcess Prepare(string target = "all")
    {
        var number = (Nodes.Count + 1).ToString(CultureInfo.InvariantCulture);
        var store = _settings.IsStatic ? "" : $", kvstore: {{store: etcd, etcd: {{endpoints: [\"{Etcd.Address}\"]}}}}";
        var node = TempoProcess.Prepare(new TempoSettings
        {
            MaxBlockDuration = _settings.MaxBlockDuration,
            CompactionCycle = _settings.CompactionCycle,
            CompactedBlockRetention = _settings.CompactedBlockRetention,
            DistributorMore = _settings.DistributorMore,
            Storage = $"    backend: s3\n    blocklist_poll: {_settings.BlocklistPoll}\n    listing_delay: {_settings.ListingDelay}\n    s3: {{bucket: b, prefix: traces, endpoint: {new Uri(S3.Url).Authority}, insecure: true, forcepathstyle: true, access_key: id, secret_key: key}}\n",
            More = $"target: {target}\n{(_settings.IsDivided ? Shares : "")}ingester:\n  lifecycler:\n    id: tempo-{number}\n    ring: {{replication_factor: {_settings.ReplicationFactor}, heartbeat_timeout: 4s{store}}}\nring:\n  peer_secret: {Secret}\n",
        });
        Nodes.Add(node);
        if (_settings.HasOwnTraces) AddOwnTraces(node);
        if (_settings.HasLinks) AddLinks(node, number);
        if (_settings.Certificates is { } certificates) AddCertificates(node, certificates);
        return node;
    }

    private void AddOwnTraces(TempoProcess node)
    {
        node.Variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{Nodes[0].Ports.OtlpHttp}";
        node.Variables["OTEL_TRACES_SAMPLER"] = "parentbased_always_off";
    }

    private void AddLinks(TempoProcess node, string number)
    {
        var (link, toEtcd) = (new FaultProxy(node.Ports.ApiGrpc), new FaultProxy(Etcd.Port));
        Links.Add(link);
        EtcdLinks.Add(toEtcd);
        Edit(node, ($"id: tempo-{number}\n", $"id: tempo-{number}\n    address: 127.0.0.1\n    port: {link.Port}\n"),
            (Etcd.Address, toEtcd.Address), ("ring:\n  peer_secret",
                $"ingester_client: {{remote_timeout: {_settings.PeerTimeout}}}\nring:\n  query_timeout: {_settings.PeerTimeout}\n  peer_secret"));
    }

    /// <summary>The port between nodes asks for certificates, and the node has one.</summary>
    public static void AddCertificates(TempoProcess node, TestCertificates certificates) => Edit(
        node,
        ($"  grpc_listen_port: {node.Ports.ApiGrpc}\n",
            $"  grpc_listen_port: {node.Ports.ApiGrpc}\n  grpc_tls_config: {{cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: {certificates.RootFile}}}\n"),
        ("ring:\n  peer_secret", $"ingester_client:\n  grpc_client_config: {{tls_enabled: true, tls_ca_path: {certificates.RootFile}, tls_cert_path: {certificates.ClientCertFile}, tls_key_path: {certificates.ClientKeyFile}}}\nring:\n  peer_secret"));

    private static void Edit(TempoProcess node, params (string Old, string New)[] changes)
    {
        var yaml = File.ReadAllText(node.ConfigFile);
        foreach (var (old, @new) in changes)
        {
            Assert.Contains(old, yaml, StringComparison.Ordinal);
            yaml = yaml.Replace(old, @new, StringComparison.Ordinal);
        }

        File.WriteAllText(node.ConfigFile, yaml);
    }

    /// <summary>Waits until a node's page shows so many holders in a state.</summary>
    public Task SeesAsync(TempoProcess node, string state, int count) => Eventually.HoldsAsync($"{count} members are {state}", async () =>
    {
        var answer = await node.Api.AskAsync("/ingester/ring", accept: "application/json");
        using var json = JsonDocument.Parse(answer.Text);
        return json.RootElement.GetProperty("shards").EnumerateArray().Count(shard => shard.GetProperty("state").GetString() == state)
            == count;
    });

    /// <summary>Waits until no node has a block in its own folder only.</summary>
    public Task UploadedAsync() => Eventually.HoldsAsync("every block is in the bucket", () =>
        !Nodes.Any(static node => Directory.Exists(node.BlocksFolder)
            && Directory.EnumerateFiles(node.BlocksFolder, "meta.json", SearchOption.AllDirectories).Any()));

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes) await node.DisposeAsync();
        foreach (var link in Links.Concat(EtcdLinks)) link.Dispose();
        await Etcd.DisposeAsync();
        S3.Dispose();
    }

    private string TargetOf(int index) => _settings.Targets.ElementAtOrDefault(index) ?? "all";

    private void NameMembers()
    {
        var members = Nodes.Select(
            (node, index) => $"{{id: tempo-{index + 1}, address: \"{node.ApiGrpcAddress}\", target: {TargetOf(index)}}}").ToArray();
        for (var i = 0; i < Nodes.Count; i++)
            File.AppendAllText(Nodes[i].ConfigFile, $"  members: [{(_settings.AreStrangers ? members[i] : string.Join(", ", members))}]\n");
    }
}
