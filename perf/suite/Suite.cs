using System.Text.Json;
using Tempo.Perf.Suite.Asked;
using Tempo.Perf.Suite.Measured;
using Tempo.Perf.Suite.Sent;

namespace Tempo.Perf.Suite;

/// <summary>
/// A run: first the queries over a corpus that both servers get, then the loads. In each round every scenario is run on ours and on the
/// peer, one right after the other, and the next round begins with the other one.
/// </summary>
internal static class Suite
{
    /// <returns>0, or 1 if something that was acknowledged is not there or an answer is wrong. Times decide nothing.</returns>
    public static int Run(SuiteOptions options)
    {
        Directory.CreateDirectory(options.OutFolder);
        List<Func<TestedServer>> open = options.Peer is null ? [options.Ours] : [options.Ours, options.Peer];
        Report report;
        List<TestedServer> servers = [];
        try
        {
            foreach (Func<TestedServer> opened in open) servers.Add(opened());
            report = new Report(Version(servers[0]), options.Peer is null ? null : Version(servers[1]));
            if (options.SpanCount > 0)
            {
                long nowUnixNanos = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
                var queries = new QueryRounds(
                    new Corpus(options.SpanCount, (ulong)nowUnixNanos, nowUnixNanos), servers, options.QuerySeconds, report);
                queries.Fill();
                for (int round = 0; round < options.Rounds; round++) queries.Round(round);
            }
        }
        finally
        {
            foreach (TestedServer server in servers) server.Dispose();
        }

        var loads = new LoadRounds(open, options.Seconds, options.SteadySeconds, options.SteadyRate, options.OutFolder, report);
        for (int round = 0; round < options.Rounds; round++) loads.Round(round);
        var rest = new RestRound(options.Ours, report);
        for (int round = 0; round < options.Rounds; round++) rest.Round();
        if (options is { Binary: { } binary, CompactionSeconds: > 0 })
        {
            var compaction = new CompactionRound(binary, options.CompactionSeconds, report);
            for (int round = 0; round < options.Rounds; round++) compaction.Round();
        }

        var kernels = new Dictionary<string, Figure>();
        for (int round = 0; options.HasKernels && round < options.Rounds && KernelRatios.TryMeasure(report, kernels); round++) { }
        Write(options, report);
        return report.IsRight ? 0 : 1;
    }

    private static void Write(SuiteOptions options, Report report)
    {
        string goals = new GoalTable(report, options.SpanCount, options.SteadyRate).ToMarkdown();
        string table = $"{report.ToMarkdown()}\n{goals}", line = report.ToJson(isHistory: true);
        Console.WriteLine(table);
        File.WriteAllText(Path.Combine(options.OutFolder, "suite.md"), table);
        File.WriteAllText(Path.Combine(options.OutFolder, "goals.md"), goals);
        File.WriteAllText(Path.Combine(options.OutFolder, "suite.json"), report.ToJson(isHistory: false) + "\n");
        if (options.HistoryPath is { } history && report.IsRight) File.AppendAllText(history, line + "\n");
        IEnumerable<string> lines = options.HistoryPath is { } path && File.Exists(path) ? File.ReadLines(path) : [line];
        File.WriteAllText(Path.Combine(options.OutFolder, "history.svg"), HistoryPicture.Draw(lines));
    }

    /// <summary>What the server says it is: version and revision.</summary>
    private static string Version(TestedServer server)
    {
        using JsonDocument info = JsonDocument.Parse(server.Get("/api/status/buildinfo"));
        return $"{info.RootElement.GetProperty("version").GetString()} {info.RootElement.GetProperty("revision").GetString()}";
    }
}
