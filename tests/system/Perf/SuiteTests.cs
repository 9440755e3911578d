using System.Text.Json;
using System.Xml.Linq;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Perf;

/// <summary>
/// The performance suite itself, with loads so small that its times mean nothing: that it runs, compares, and finds a wrong answer.
/// </summary>
public sealed class SuiteTests
{
    private static readonly string Suite = Path.Combine(
        AppContext.BaseDirectory, "../../Tempo.Perf.Suite", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "tempo-suite");
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Two_servers_are_measured_and_compared()
    {
        var folder = Directory.CreateTempSubdirectory("tempo-suite-").FullName;
        var history = Path.Combine(folder, "history.jsonl");
        try
        {
            for (var commit = 1; commit <= 2; commit++)
            {
                var run = await ProgramRun.ToEndAsync(Suite,
                    ["--binary", Repository.Binary, "--peer-binary", Repository.Binary, "--rounds", "1", "--seconds", "0.3",
                        "--steady-seconds", "0.5", "--steady-rate", "2000", "--spans", "3000", "--query-seconds", "0", "--out", folder,
                        "--history", history], Limit);
                Assert.True(run.ExitCode == 0, run.Everything);
                Assert.Matches(@"\n\d\d comparisons, 0 wrong", run.Output);
                Assert.Matches(@"\| gRPC, as fast as it takes: spans a CPU-second \| spans \|.*\| (better|same|WORSE) \|\n", run.Output);
                Assert.Matches(@"\| descendants \| CPU ms \|.*\| (better|same|WORSE) \|\n", run.Output);
            }

            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "suite.json")));
            var figures = json.RootElement.GetProperty("figures").EnumerateObject().ToList();
            var compared = figures.Where(static figure => figure.Value.TryGetProperty("peer", out _)).ToList();
            Assert.All(compared, static figure =>
                Assert.Equal(figure.Value.GetProperty("ours").GetArrayLength(), figure.Value.GetProperty("peer").GetArrayLength()));
            // Memory at rest, the size of the binary and compaction are measured of ours alone.
            Assert.Equal(
                ["after compaction: all objects of a block", "after compaction: data.parquet", "binary",
                    "compaction: MB of blocks written a CPU-second", "compaction: spans written a CPU-second", "idle: resident memory"],
                figures.Except(compared).Select(static figure => figure.Name).Order(StringComparer.Ordinal));
            Assert.Equal(2, File.ReadLines(history).Count());
            var charts = XDocument.Load(Path.Combine(folder, "history.svg")).Descendants().Where(static e => e.Name.LocalName == "polyline")
                .ToList();
            Assert.Equal(figures.Count, charts.Count);
            Assert.All(charts, static chart => Assert.Equal(2, chart.Attribute("points")!.Value.Split(' ').Length));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One span that the suite did not send is enough; no figure helps.</summary>
    [Fact]
    public async Task A_span_too_many_fails_the_run()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings());
        using (var client = new GrpcClient(tempo.OtlpGrpcUrl))
            Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(Spans.NewTrace(1)))).Status);
        var folder = Directory.CreateTempSubdirectory("tempo-suite-").FullName;
        try
        {
            var run = await ProgramRun.ToEndAsync(Suite,
                ["--target", $"http://127.0.0.1:{tempo.Ports.Api}", "--target-otlp", new Uri(tempo.OtlpGrpcUrl).Authority, "--rounds", "1",
                    "--seconds", "0", "--steady-seconds", "0", "--spans", "1000", "--query-seconds", "0", "--out", folder], Limit);
            Assert.Equal(1, run.ExitCode);
            Assert.Matches(@"WRONG: ours: every span sent is counted: \d+ of \d+\n", run.Errors);
            Assert.Contains("WRONG: count: ours is what was sent:", run.Errors, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
