using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Tempo.Perf.Ring;

/// <summary>
/// CPU time of all servers together for a span, of the load tool's traffic over gRPC: a node alone, a ring that stores each span
/// once, and one that stores it three times. All are measured in turn, in the same minutes, once what grows has grown, and blocks are built
/// and uploaded. All get the same spans a second, which a machine must have to spare: where one takes as many as it can, its queues and its
/// memory grow, and what is measured is how far they are. (Rate 0 does that; then a cluster has as many requests in flight as the node
/// alone, and once more as many on each node.)
/// </summary>
internal static class Cost
{
    private const int Inflight = 6;

    /// <summary>What each node has stored before anything is measured: some blocks, after which what grows once has grown.</summary>
    private const long WarmSpans = 250_000;

    // A round of merges falls into some measurements and not into others; what it costs a span is the same for each copy.
    private const string WithoutMerges = "compactor: {compaction: {compaction_cycle: 1h}}\n";

    private static readonly Scenario[] Scenarios =
    [
        new("one node, no ring", 1, 1, MembershipKind.Alone, Inflight),
        new("ring of one", 1, 1, MembershipKind.Named, Inflight),
        new("3 nodes, replication factor 1", 3, 1, MembershipKind.Named, Inflight / 3),
        new("3 nodes, replication factor 3", 3, 3, MembershipKind.Named, Inflight / 3),
        new("3 nodes, replication factor 1, 6 in flight on each", 3, 1, MembershipKind.Named, Inflight),
        new("3 nodes, replication factor 3, 6 in flight on each", 3, 3, MembershipKind.Named, Inflight),
        new("3 nodes that do not know of each other", 3, 1, MembershipKind.Alone, Inflight / 3), // what three processes cost without a ring
    ];

    public static async Task RunAsync(string binary, int seconds, int rounds, int spansPerRequest, string only, int rate)
    {
        var scenarios = only.Length == 0
            ? Scenarios
            : [.. only.Split(',').Select(static number => Scenarios[int.Parse(number, CultureInfo.InvariantCulture) - 1])];
        var figures = scenarios.ToDictionary(static scenario => scenario.Name, static _ => new List<double>());
        for (var round = 0; round < rounds; round++)
            foreach (var (name, nodes, replicationFactor, kind, inflight) in scenarios)
            {
                await using var cluster = await Cluster.StartAsync(binary, nodes, replicationFactor, kind, settings: WithoutMerges);
                await WarmAsync(cluster, inflight, spansPerRequest, nodes * WarmSpans / replicationFactor, rate / nodes);
                await FlushAsync(cluster);
                var before = cluster.Nodes.Sum(static node => node.CpuSeconds());
                var switchesBefore = cluster.Nodes.Sum(static node => node.Switches());
                var kernelBefore = KernelOf(cluster);
                var spans = await LoadAsync(cluster, inflight, spansPerRequest, seconds, rate / nodes);
                var kernel = KernelOf(cluster);
                var loadCpu = cluster.Nodes.Sum(static node => node.CpuSeconds()) - before;
                var switches = cluster.Nodes.Sum(static node => node.Switches()) - switchesBefore;
                await FlushAsync(cluster);
                var cpu = cluster.Nodes.Sum(static node => node.CpuSeconds()) - before;
                figures[name].Add(cpu / spans * 1e6);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"round {round + 1}: {name}: {spans} spans, {cpu:F2} CPU-seconds, {cpu / spans * 1e6:F2} us a span, {(double)switches / spans * 100:F1} thread switches for 100 spans"));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"   a request: {loadCpu / spans * spansPerRequest * 1e6:F0} us until the last answer, {(kernel.Seconds - kernelBefore.Seconds) / spans * spansPerRequest * 1e6:F0} of it in the kernel, {(double)(kernel.Faults - kernelBefore.Faults) / spans * spansPerRequest:F1} faults, {(double)switches / spans * spansPerRequest:F1} switches; {spans / (double)seconds / spansPerRequest:F0} requests/s"));
            }

        var alone = Median(figures[scenarios[0].Name]);
        Console.WriteLine("\n| | CPU us a span, all nodes | times the first |\n|---|---|---|");
        foreach (var (name, _, _, _, _) in scenarios) Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"| {name} | {Median(figures[name]):F2} | {Median(figures[name]) / alone:F2} |"));
    }

    /// <summary>
    /// The load tool's traffic over a connection to each node, so many spans a second each (0: as many as it takes); the spans that were
    /// acknowledged.
    /// </summary>
    public static async Task<long> LoadAsync(Cluster cluster, int inflight, int spansPerRequest, int seconds, int rate = 0)
    {
        var tool = Path.Combine(AppContext.BaseDirectory, "tempo-load.dll");
        var runs = cluster.Nodes.Select(async node =>
        {
            var json = Path.Combine(node.Folder, "load.json");
            using var load = Process.Start(new ProcessStartInfo("dotnet",
            [
                tool, "--grpc", $"127.0.0.1:{node.Otlp}", "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--rate",
                rate.ToString(CultureInfo.InvariantCulture), "--connections", "1", "--inflight",
                inflight.ToString(CultureInfo.InvariantCulture),
                "--spans-per-request", spansPerRequest.ToString(CultureInfo.InvariantCulture), "--json", json,
            ])
            { RedirectStandardOutput = true })!;
            await load.StandardOutput.ReadToEndAsync();
            await load.WaitForExitAsync();
            using var report = JsonDocument.Parse(await File.ReadAllBytesAsync(json));
            return report.RootElement.GetProperty("acknowledged_spans").GetInt64();
        });
        return (await Task.WhenAll(runs)).Sum();
    }

    /// <summary>Returns when all that was sent is in blocks that are uploaded.</summary>
    public static async Task FlushAsync(Cluster cluster)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        foreach (var node in cluster.Nodes) (await http.PostAsync($"http://127.0.0.1:{node.Api}/flush", null)).EnsureSuccessStatusCode();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60); await Task.Delay(100))
            if (!cluster.Nodes.Any(
                static node =>
                    Directory.EnumerateFiles(Path.Combine(node.Folder, "blocks"), "meta.json", SearchOption.AllDirectories).Any()))
                return;
    }

    private static async Task WarmAsync(Cluster cluster, int inflight, int spansPerRequest, long spans, int rate)
    {
        while (spans > 0)
        {
            var stored = await LoadAsync(cluster, inflight, spansPerRequest, 4, rate);
            spans -= stored > 0 ? stored : throw new InvalidOperationException("the nodes store nothing");
        }
    }

    private static (double Seconds, long Faults) KernelOf(Cluster cluster) =>
        (cluster.Nodes.Sum(static node => node.Kernel().Seconds), cluster.Nodes.Sum(static node => node.Kernel().Faults));

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <param name="Name">In the table.</param>
    /// <param name="Nodes">How many.</param>
    /// <param name="ReplicationFactor">Copies of each span.</param>
    /// <param name="Kind">How they know each other.</param>
    /// <param name="Inflight">Requests in flight on each node.</param>
    private sealed record Scenario(string Name, int Nodes, int ReplicationFactor, MembershipKind Kind, int Inflight);
}
