using System.Diagnostics;
using System.Globalization;

namespace Tempo.Perf.Ring;

/// <summary>
/// What it brings and costs that two nodes compute a query: seconds until the answer, and CPU of both. Each node computes on one processor,
/// so that a machine of two shows it. By turns on the same blocks; <c>with(explain=true)</c> has a query computed by the node that is
/// asked. Before, all is asked once, so that caches are full.
/// </summary>
internal static class Division
{
    private const string Settings = "query_frontend: {search: {bytes_per_node: 1000000}, metrics: {bytes_per_node: 1000000}}\n";

    private static readonly (string Name, string Query, bool IsSearch)[] Queries =
    [
        ("rate() by service", "{ } | rate() by (resource.service.name)", false),
        ("quantiles of errors by name", "{ status = error } | quantile_over_time(duration, .5, .99) by (name)", false),
        ("averages by route", "{ kind = server } | avg_over_time(duration) by (span.http.route)", false),
        ("a search that finds nothing", "{ duration > 1h && name =~ \".*checkout.*\" }", true),
        ("whole traces", "{ kind = server } >> { status = error } | count() > 1000", true),
    ];

    /// <param name="binary">Of the nodes.</param>
    /// <param name="seconds">Of load.</param>
    /// <param name="rounds">Of which the medians are.</param>
    /// <param name="replicationFactor">1 or 2: with 2 each node has all spans, as copies, until they are compacted.</param>
    public static async Task RunAsync(string binary, int seconds, int rounds, int replicationFactor)
    {
        await using var cluster =
            await Cluster.StartAsync(binary, 2, replicationFactor, MembershipKind.Named, settings: Settings, processors: 1);
        var spans = await Cost.LoadAsync(cluster, inflight: 6, spansPerRequest: 1000, seconds);
        await Cost.FlushAsync(cluster);
        using var http = new HttpClient(new SocketsHttpHandler()) { Timeout = TimeSpan.FromMinutes(5) };
        await Task.Delay(TimeSpan.FromSeconds(2)); // pings have told each of the other
        Console.WriteLine($"{spans} spans in blocks, two nodes of one processor, replication factor {replicationFactor}");
        Console.WriteLine("| query | seconds, one node | both | CPU s, one node | both |\n|---|---|---|---|---|");
        foreach (var (name, query, isSearch) in Queries)
        {
            var (one, both) = (new List<(double Seconds, double Cpu)>(), new List<(double Seconds, double Cpu)>());
            for (var round = -1; round < rounds; round++)
            {
                var alone = await AskAsync(cluster, http, query + " with(explain=true)", isSearch);
                var divided = await AskAsync(cluster, http, query, isSearch);
                if (round < 0) continue;
                one.Add(alone);
                both.Add(divided);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {Median(one, static f => f.Seconds):F3} | {Median(both, static f => f.Seconds):F3} | {Median(one, static f => f.Cpu):F3} | {Median(both, static f => f.Cpu):F3} |"));
        }

        var slices = await http.GetStringAsync($"http://127.0.0.1:{cluster.Nodes[0].Api}/metrics");
        foreach (var line in slices.Split('\n').Where(
            static line => line.StartsWith("tempo_ring_query_slices_total{", StringComparison.Ordinal)))
            Console.WriteLine(line);
    }

    private static async Task<(double Seconds, double Cpu)> AskAsync(Cluster cluster, HttpClient http, string query, bool isSearch)
    {
        var before = cluster.Nodes.Sum(static node => node.CpuSeconds());
        var clock = Stopwatch.StartNew();
        await Query.AskAsync(cluster, http, query, isSearch);
        var took = clock.Elapsed.TotalSeconds;
        return (took, cluster.Nodes.Sum(static node => node.CpuSeconds()) - before);
    }

    private static double Median(List<(double Seconds, double Cpu)> figures, Func<(double Seconds, double Cpu), double> figure) =>
        figures.Select(figure).Order().ElementAt(figures.Count / 2);
}
