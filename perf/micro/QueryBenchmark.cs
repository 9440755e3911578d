using System.Globalization;
using System.Text;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Queries;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// Runs the list of queries over blocks, in process: the least CPU time of some rounds (the first, in which code is compiled, does not
/// count), and how that stands to Tempo's recorded figure.
/// </summary>
internal static class QueryBenchmark
{
    private const string Note = """
        ns/span: CPU time of the process by all spans of the blocks, the least of the rounds (for tags: of all blocks together).
        Tempo: Grafana Tempo 3.0.3 with vParquet5, figures RECORDED EARLIER on a quiet machine of this type with a block of 3.0 M spans of the
        same kind of traffic; Tempo was NOT run beside this. So the ratio is an indication, and no measurement in one run.
        Bound: what one core allows by the roofline, ns a span, if nothing but the named columns had to be touched.
        """;

    public static async Task<int> RunAsync(OptionReader options)
    {
        var spans = options.Int("--spans", 1_000_000, 1_000, 100_000_000);
        var blocks = options.Int("--blocks", 4, 1, 1000);
        var folder = options.Text("--folder") ?? Path.Combine(Path.GetTempPath(), "tempo-micro");
        var rounds = options.Int("--rounds", 3, 1, 10_000);
        var cacheMiB = options.Int("--cache-mib", 96, 0, 1 << 20);
        var results = options.Text("--results");
        var only = options.Text("--only");
        var search = options.Text("--query");
        var range = options.Text("--range");
        options.ExpectEnd();
        var sources =
            new TraceSources([], await BenchmarkBlocks.OpenAsync(folder, spans, blocks, (long)cacheMiB << 20).ConfigureAwait(false));
        var text = new StringBuilder();
        void Print(string line)
        {
            Console.WriteLine(line);
            text.AppendLine(line);
        }

        Print($"{Machine.CpuModel()}, {Environment.ProcessorCount} processors, kernel {KernelChoice.Current}, .NET {Environment.Version}; load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        Print(string.Create(CultureInfo.InvariantCulture,
            $"{spans:N0} spans in {sources.Blocks.Count} blocks of {sources.Blocks.Sum(static block => block.Meta.SizeBytes):N0} bytes in all; {rounds} rounds; {cacheMiB} MiB for unpacked columns{(cacheMiB == 0 ? ": every query reads all it needs anew" : "")}\n"));
        Print(Note + "\n");
        Print("| query | CPU ms | ns/span | bound | Tempo ns/span | ratio | goal | found | MiB allocated |\n|---|---|---|---|---|---|---|---|---|");
        IEnumerable<QueryCase> cases = search is not null ? [new QueryCase("given", QueryKind.Search, search)]
            : range is not null ? [new QueryCase("given", QueryKind.Range, range)]
            : QueryCase.All;
        var session = await SessionAsync(sources).ConfigureAwait(false);
        foreach (var one in cases)
            if (only is null || one.Name.Contains(only, StringComparison.Ordinal))
                Print(Row(one, await MeasureAsync(one, one.Text.Replace("{session}", session, StringComparison.Ordinal), sources, rounds)
                    .ConfigureAwait(false), spans));
        if (results is not null)
        {
            Directory.CreateDirectory(results);
            await File.WriteAllTextAsync(Path.Combine(results, cacheMiB == 0 ? "query-table-cold.md" : "query-table.md"), text.ToString())
                .ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>
    /// For the gate: what each query allocates, in KiB, once everything has its size; the least of some rounds, since threads that take
    /// part for the first time bring memory of their own. The blocks are made anew, in a folder that goes afterwards.
    /// </summary>
    public static async Task<List<(string Name, double Value)>> AllocatedAsync()
    {
        const int Spans = 60_000, Blocks = 2, Rounds = 6;
        var folder = Directory.CreateTempSubdirectory("tempo-gate-").FullName;
        try
        {
            var sources = new TraceSources([], await BenchmarkBlocks.OpenAsync(folder, Spans, Blocks, 96 << 20).ConfigureAwait(false));
            var session = await SessionAsync(sources).ConfigureAwait(false);
            var figures = new List<(string, double)>();
            foreach (var one in QueryCase.All)
            {
                var measured = await MeasureAsync(one, one.Text.Replace("{session}", session, StringComparison.Ordinal), sources, Rounds)
                    .ConfigureAwait(false);
                figures.Add(($"KiB allocated a query: {one.Name}", measured.Allocated / 1024.0));
            }

            return figures;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> SessionAsync(TraceSources sources) =>
        (await TagValues.RunAsync(new TagValuesRequest { Name = "span.session.id", MaxValues = 1 }, sources, default)
            .ConfigureAwait(false)).Values[0].Value;

    private static string Row(QueryCase one, (TimeSpan Cpu, int Found, long Allocated) measured, int spans)
    {
        var nanos = measured.Cpu.TotalNanoseconds / spans;
        var tempo = one.TempoMs > 0 ? one.TempoNanosPerSpan.ToString("F0", CultureInfo.InvariantCulture) : "";
        var ratio = one.TempoMs > 0 ? string.Create(CultureInfo.InvariantCulture, $"{one.TempoNanosPerSpan / nanos:G3}") : "";
        var goal = one.Goal > 0 ? $"≥ {one.Goal}" : "";
        var text =
            $"`{one.Text}`{(one.Limit < 1000 ? $", newest {one.Limit}" : "")}{(one.Filter.Length > 0 ? $" with `{one.Filter}`" : "")}";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {one.Name}: {text.Replace("|", "\\|", StringComparison.Ordinal)} | {measured.Cpu.TotalMilliseconds:F2} | {nanos:F1} | {one.Bound} | {tempo} | {ratio} | {goal} | {measured.Found} | {measured.Allocated / 1048576.0:F1} |");
    }

    private static async Task<(TimeSpan Cpu, int Found, long Allocated)> MeasureAsync(
        QueryCase one, string text, TraceSources sources, int rounds)
    {
        var best = TimeSpan.MaxValue;
        var found = 0;
        var allocated = long.MaxValue;
        // The first round, in which code is compiled, does not count.
        for (var round = 0; round <= rounds; round++)
        {
            var bytes = GC.GetTotalAllocatedBytes(precise: true);
            var before = Environment.CpuUsage.TotalTime;
            found = await AskAsync(one, text, sources).ConfigureAwait(false);
            var cpu = Environment.CpuUsage.TotalTime - before;
            if (round > 0 && cpu < best) best = cpu;
            allocated = Math.Min(allocated, GC.GetTotalAllocatedBytes(precise: true) - bytes);
        }

        return (best, found, allocated);
    }

    private static async Task<int> AskAsync(QueryCase one, string text, TraceSources sources)
    {
        switch (one.Kind)
        {
            case QueryKind.Search:
                return (await TraceSearch.RunAsync(new SearchRequest { Query = text, Limit = one.Limit }, sources, default)
                    .ConfigureAwait(false)).Traces.Count;
            case QueryKind.Range:
                var range = new QueryRangeRequest
                {
                    Query = text,
                    StartUnixNano = (ulong)sources.Blocks.Min(static block => block.Meta.StartSeconds) * 1_000_000_000,
                    EndUnixNano = (ulong)(sources.Blocks.Max(static block => block.Meta.EndSeconds) + 1) * 1_000_000_000,
                };
                return (await MetricsQuery.RunAsync(range, sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), 1,
                    default).ConfigureAwait(false)).Series.Count;
            case QueryKind.TagValues:
                return (await TagValues.RunAsync(new TagValuesRequest { Name = text, Query = one.Filter }, sources, default)
                    .ConfigureAwait(false)).Values.Count;
            default:
                return (await TagNames.RunAsync(new TagNamesRequest { Scope = text, Query = one.Filter }, sources, default)
                    .ConfigureAwait(false)).Scopes.Sum(static scope => scope.Names.Count);
        }
    }
}
