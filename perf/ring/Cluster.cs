using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.Perf.Load.Observe;

namespace Tempo.Perf.Ring;

/// <summary>How the members know each other.</summary>
internal enum MembershipKind
{
    /// <summary>There is one node, and no ring.</summary>
    Alone,

    /// <summary>The configuration names them.</summary>
    Named,
    Etcd,
}

/// <summary>A node of a cluster on this machine.</summary>
internal sealed record Node(string Id, int Api, int Grpc, int Otlp, int OtlpHttp, string Folder)
{
    public Process? Process { get; set; }

    /// <summary>User and system time so far, in seconds; 0 once it is gone.</summary>
    public double CpuSeconds() => new ServerProcess(Process!.Id).CpuSeconds() ?? 0;

    /// <summary>
    /// Of <see cref="CpuSeconds"/> what the kernel used for it, in seconds, and the pages that were not there when it touched them, so far.
    /// </summary>
    public (double Seconds, long Faults) Kernel()
    {
        var stat = File.ReadAllText($"/proc/{Process!.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[12], CultureInfo.InvariantCulture) / 100.0, long.Parse(fields[7], CultureInfo.InvariantCulture));
    }

    /// <summary>How often its threads gave up a processor or were taken off it so far; of those that live.</summary>
    public long Switches()
    {
        long sum = 0;
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{Process!.Id}/task"))
        {
            try
            {
                sum += File.ReadLines(Path.Combine(thread, "status"))
                    .Where(static line => line.Contains("ctxt_switches", StringComparison.Ordinal))
                    .Sum(static line => long.Parse(line[(line.IndexOf(':') + 1)..], CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException)
            {
                // The thread is gone.
            }
        }

        return sum;
    }
}

/// <summary>Nodes of the native binary on loopback, with S3's wire in this process and, if asked for, a real etcd.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-ring-").FullName;
    private readonly S3Stub _s3 = new();
    private readonly List<Node> _nodes = [];
    private Process? _etcd;

    public IReadOnlyList<Node> Nodes => _nodes;

    public string EtcdAddress { get; private set; } = "";

    public string S3Address => new Uri(_s3.Url).Authority;

    public static async Task<Cluster> StartAsync(
        string binary, int count, int replicationFactor, MembershipKind kind, int firstPort = 0, string settings = "", int processors = 0)
    {
        var cluster = new Cluster();
        try
        {
            if (kind == MembershipKind.Etcd) cluster.StartEtcd();
            for (var i = 0; i < count; i++)
            {
                int Port(int usual) => firstPort > 0 ? firstPort + (100 * i) + usual : StartedServer.FreePort();
                cluster._nodes.Add(new Node($"tempo-{i + 1}", Port(0), Port(1), Port(2), Port(3),
                    Directory.CreateDirectory(Path.Combine(cluster._folder, $"tempo-{i + 1}")).FullName));
            }

            foreach (var node in cluster._nodes) cluster.Start(binary, node, replicationFactor, kind, settings, processors);
            foreach (var node in cluster._nodes) await ReadyAsync(node);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _nodes.Select(static node => node.Process).Append(_etcd))
        {
            if (process is null) continue;
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _s3.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static string ConfigOf(Node node) => Path.Combine(node.Folder, "tempo.yaml");

    private static async Task ReadyAsync(Node node)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60) && !node.Process!.HasExited; await Task.Delay(50))
        {
            try
            {
                using var answer = await http.GetAsync($"http://127.0.0.1:{node.Api}/ready");
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
        }

        throw new InvalidOperationException($"{node.Id} is not ready:\n{await File.ReadAllTextAsync(Path.Combine(node.Folder, "log"))}");
    }

    private void StartEtcd()
    {
        EtcdAddress = $"127.0.0.1:{StartedServer.FreePort()}";
        var peer = $"http://127.0.0.1:{StartedServer.FreePort()}";
        _etcd = Run("etcd", Path.Combine(_folder, "etcd.log"), _folder,
            "--data-dir", Path.Combine(_folder, "etcd"), "--name", "only", "--listen-client-urls", $"http://{EtcdAddress}",
            "--advertise-client-urls", $"http://{EtcdAddress}",
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"only={peer}", "--log-level", "error");
    }

    private void Start(string binary, Node node, int replicationFactor, MembershipKind kind, string settings, int processors)
    {
        var members = string.Join(", ", _nodes.Select(static member => $"{{id: {member.Id}, address: \"127.0.0.1:{member.Grpc}\"}}"));
        var store = kind == MembershipKind.Etcd ? $", kvstore: {{store: etcd, etcd: {{endpoints: [\"{EtcdAddress}\"]}}}}" : "";
        var ring = kind == MembershipKind.Alone ? "" : $"""
            ingester:
              lifecycler:
                id: {node.Id}
                ring: {"{"}replication_factor: {replicationFactor}{store}{"}"}
            ring:
              peer_secret: only-on-this-machine
            {(kind == MembershipKind.Named ? $"  members: [{members}]" : "")}

            """;
        File.WriteAllText(ConfigOf(node), $$$"""
            server: {http_listen_address: 127.0.0.1, http_listen_port: {{{node.Api}}}, grpc_listen_address: 127.0.0.1, grpc_listen_port: {{{node.Grpc}}}}
            distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:{{{node.Otlp}}}"}, http: {endpoint: "127.0.0.1:{{{node.OtlpHttp}}}" } } } } }
            overrides: {defaults: {ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0} } }
            storage:
              trace:
                backend: s3
                s3: {bucket: b, prefix: traces, endpoint: "{{{S3Address}}}", insecure: true, forcepathstyle: true, access_key: id, secret_key: key}
                wal: {path: {{{node.Folder}}}/wal}
                local: {path: {{{node.Folder}}}/blocks}
            {{{settings}}}{{{ring}}}
            """);
        string[] command = processors > 0 ? ["env", $"DOTNET_PROCESSOR_COUNT={processors:x}", binary] : [binary];
        node.Process = Run(command[0], Path.Combine(node.Folder, "log"), node.Folder, [.. command[1..], $"-config.file={ConfigOf(node)}"]);
    }

    private static Process Run(string program, string logFile, string folder, params string[] arguments)
    {
        var log = TextWriter.Synchronized(new StreamWriter(logFile) { AutoFlush = true });
        var process = Process.Start(
            new ProcessStartInfo(
                program, arguments)
            { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
