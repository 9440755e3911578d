using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>Runs the fixed list of queries over blocks: CPU (the least of some rounds), wall time, spans a CPU second, traces found.</summary>
internal static class QueryBenchmark
{
    private const int AllMatches = 10_000_000;

    private static readonly (string Name, string Query, int Limit)[] Queries =
    [
        ("duration and attribute, all", "{ duration > 100ms && span.db.system = \"postgresql\" }", AllMatches),
        ("attribute = int, all", "{ span.http.response.status_code = 500 }", AllMatches),
        ("attribute = int, newest 20", "{ span.http.response.status_code = 500 }", 20),
        ("attribute = text, all", "{ span.db.system = \"redis\" }", AllMatches),
        ("attribute = absent text", "{ span.db.system = \"no such thing\" }", AllMatches),
        ("absent key", "{ span.no.such.key = 1 }", AllMatches),
        ("status, all", "{ status = error }", AllMatches),
        ("name regex, all", "{ name =~ \".*Cart.*\" }", AllMatches),
        ("regex on many values, all", "{ span.url.full =~ \".*/api/cart.*sess.*\" }", AllMatches),
        ("service and kind, all", "{ resource.service.name = \"cart\" && kind = server }", AllMatches),
        ("descendants, all", "{ resource.service.name = \"frontend\" } >> { resource.service.name = \"cart\" }", AllMatches),
        ("descendants, newest 20", "{ resource.service.name = \"frontend\" } >> { resource.service.name = \"cart\" }", 20),
        ("count() > 30, all", "{} | count() > 30", AllMatches),
        ("no condition, newest 20", "{}", 20),
    ];

    public static async Task<int> RunAsync(OptionReader options)
    {
        var spans = options.Int("--spans", 1_000_000, 1_000, 100_000_000);
        var blocks = options.Int("--blocks", 4, 1, 1000);
        var folder = options.Text("--folder") ?? Path.Combine(Path.GetTempPath(), "tempo-micro");
        var rounds = options.Int("--rounds", 3, 1, 100);
        var only = options.Text("--only");
        var query = options.Text("--query");
        options.ExpectEnd();
        Console.WriteLine($"{Machine.CpuModel()}, {Environment.ProcessorCount} processors, kernel {Engine.Query.Kernels.KernelChoice.Current}");
        var sources = new TraceSources([], await BenchmarkBlocks.OpenAsync(folder, spans, blocks).ConfigureAwait(false));
        Console.WriteLine($"{spans:N0} spans in {sources.Blocks.Count} blocks of {sources.Blocks.Sum(static block => block.Meta.SizeBytes):N0} bytes in all");
        Console.WriteLine("| query | CPU ms | wall ms | M spans per CPU-s | traces | MiB allocated |\n|---|---|---|---|---|---|");
        foreach (var (name, text, limit) in query is null ? Queries : [("given", query, AllMatches)])
            if (only is null || name.Contains(only, StringComparison.Ordinal))
                await MeasureAsync(name, new SearchRequest { Query = text, Limit = limit }, sources, spans, rounds).ConfigureAwait(false);
        return 0;
    }

    private static async Task MeasureAsync(string name, SearchRequest request, TraceSources sources, int spans, int rounds)
    {
        double cpu = double.MaxValue, wall = double.MaxValue;
        var traces = 0;
        long allocated = 0;
        // The first round, in which code is compiled, does not count.
        for (var round = 0; round <= rounds; round++)
        {
            var bytes = GC.GetTotalAllocatedBytes();
            var started = Stopwatch.GetTimestamp();
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            traces = (await TraceSearch.RunAsync(request, sources, CancellationToken.None).ConfigureAwait(false)).Traces.Count;
            if (round == 0) continue;
            cpu = Math.Min(cpu, (Process.GetCurrentProcess().TotalProcessorTime - before).TotalMilliseconds);
            wall = Math.Min(wall, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            allocated = GC.GetTotalAllocatedBytes() - bytes;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {cpu:F1} | {wall:F1} | {spans / cpu / 1000:F1} | {traces} | {allocated >> 20} |"));
    }
}
