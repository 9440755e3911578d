using System.Diagnostics;
using System.Globalization;

namespace Tempo.Perf.Ring;

/// <summary>
/// What queries cost while spans come in: the node that is asked needs what the others have in memory. One query every two seconds, of the
/// last half hour, computed by the node that is asked; seconds until its answer and CPU of that node and of all, less what the same time
/// costs without a query.
/// </summary>
internal static class Live
{
    private static readonly TimeSpan WarmTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly (string Name, string Query, bool IsSearch)[] Queries =
    [
        ("rate() by service", "{ } | rate() by (resource.service.name) with(explain=true)", false),
        ("a search that finds nothing", "{ duration > 1h && name =~ \".*checkout.*\" } with(explain=true)", true),
    ];

    /// <param name="binary">Of the nodes.</param>
    /// <param name="nodes">How many.</param>
    /// <param name="replicationFactor">Copies of each span.</param>
    /// <param name="rate">Spans a second, of all together.</param>
    /// <param name="seconds">Of load.</param>
    public static async Task RunAsync(string binary, int nodes, int replicationFactor, int rate, int seconds)
    {
        await using var cluster = await Cluster.StartAsync(binary, nodes, replicationFactor, MembershipKind.Named);
        using var http = new HttpClient(new SocketsHttpHandler()) { Timeout = TimeSpan.FromMinutes(5) };
        var load = Cost.LoadAsync(cluster, inflight: 4, spansPerRequest: 500, seconds, rate / nodes);
        await Task.Delay(WarmTime);
        var idle = await MeasureAsync(cluster, () => Task.Delay(TimeSpan.FromSeconds(10)));
        var figures = Queries.ToDictionary(static query => query.Name, static _ => new List<(double Seconds, double Asked, double All)>());
        while (!load.IsCompleted)
        {
            foreach (var (name, query, isSearch) in Queries)
            {
                var cost = await MeasureAsync(cluster, () => Query.AskAsync(cluster, http, query, isSearch));
                if (!load.IsCompleted)
                    figures[name].Add((cost.Seconds, cost.Asked - idle.Asked / idle.Seconds * cost.Seconds,
                        cost.All - idle.All / idle.Seconds * cost.Seconds));
                await Task.Delay(Pause);
            }
        }

        Console.WriteLine($"{nodes} nodes, replication factor {replicationFactor}, {rate} spans/s, {await load} spans; without queries the node that is asked takes {idle.Asked / idle.Seconds:F2} CPU s a second, all of them {idle.All / idle.Seconds:F2}");
        Console.WriteLine("| query | times | seconds | CPU s, node that is asked | all nodes |\n|---|---|---|---|---|");
        foreach (var (name, all) in figures)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {all.Count} | {Median(all, static f => f.Seconds):F3} | {Median(all, static f => f.Asked):F3} | {Median(all, static f => f.All):F3} |"));
        var metrics = await http.GetStringAsync($"http://127.0.0.1:{cluster.Nodes[0].Api}/metrics");
        foreach (var line in metrics.Split('\n').Where(static line => line.StartsWith("tempo_ring_mirrored", StringComparison.Ordinal)))
            Console.WriteLine(line);
    }

    private static async Task<(double Seconds, double Asked, double All)> MeasureAsync(Cluster cluster, Func<Task> run)
    {
        var (asked, all) = (cluster.Nodes[0].CpuSeconds(), cluster.Nodes.Sum(static node => node.CpuSeconds()));
        var clock = Stopwatch.StartNew();
        await run();
        return (clock.Elapsed.TotalSeconds, cluster.Nodes[0].CpuSeconds() - asked,
            cluster.Nodes.Sum(static node => node.CpuSeconds()) - all);
    }

    private static double Median(
        List<(double Seconds, double Asked, double All)> figures, Func<(double Seconds, double Asked, double All), double> figure) =>
            figures.Select(figure).Order().ElementAt(figures.Count / 2);
}
