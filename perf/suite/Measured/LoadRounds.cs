using System.Globalization;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Suite.Asked;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// Sends the demo load to each server by turns, each time until its blocks are built, and has it count what it acknowledged.
/// </summary>
internal sealed class LoadRounds(
    List<Func<TestedServer>> open, double seconds, double steadySeconds, int steadyRate, string rawFolder, Report report)
{
    private static readonly TimeSpan VisibleLimit = TimeSpan.FromSeconds(120);

    private readonly Dictionary<string, Figure> _figures = [];

    public void Round(int round)
    {
        (string Name, string Arguments, double Seconds)[] scenarios =
        [
            ("gRPC, as fast as it takes", "--grpc {grpc}", seconds),
            ("HTTP, as fast as it takes", "--http {http}", seconds),
            (string.Create(CultureInfo.InvariantCulture, $"gRPC, {steadyRate} spans/s"),
                string.Create(CultureInfo.InvariantCulture, $"--grpc {{grpc}} --rate {steadyRate}"), steadySeconds),
        ];
        foreach (var (name, arguments, length) in scenarios)
        {
            if (length <= 0) continue;
            foreach (Func<TestedServer> opened in round % 2 == 0 ? open : open.AsEnumerable().Reverse())
            {
                using TestedServer server = opened();
                if ((arguments.Contains("{grpc}", StringComparison.Ordinal) ? server.Grpc : server.Http) is null) continue;
                Run(name, arguments, length, server, round);
            }
        }
    }

    private void Run(string name, string arguments, double length, TestedServer server, int round)
    {
        string raw = Path.Combine(
            rawFolder, $"{server.Name}-{name.Replace(", ", "-", StringComparison.Ordinal).Replace(' ', '-').Replace("/", "", StringComparison.Ordinal)}-{round + 1}.json");
        var words = new List<string>(
            arguments.Replace("{grpc}", server.Grpc, StringComparison.Ordinal).Replace("{http}", server.Http, StringComparison.Ordinal)
                .Split(' '))
        {
            "--seconds", length.ToString(CultureInfo.InvariantCulture),
        };
        if (server.Pid is { } pid)
            words.AddRange(["--pid", pid.ToString(CultureInfo.InvariantCulture), "--flush", new Uri(server.Api, "/flush").ToString(),
                "--rest-seconds", "60"]);
        if (server.DataFolder is { } folder) words.AddRange(["--data-dir", folder]);

        // Traces are some seconds long, and the range is in whole seconds.
        long start = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 120, end = start + 240 + (long)length;
        long before = server.CountSpans(start, end);
        LoadReport load = RunVerb.Measure(LoadOptions.Read(new OptionReader(words)), words);
        File.WriteAllText(raw, load.ToJson() + "\n");
        CheckCount($"{server.Name}: {name}, round {round + 1}: every acknowledged span is counted", server, load.Tally, before, start, end);

        long spans = load.Tally.AcknowledgedSpans;
        Add($"{name}: spans a CPU-second", "spans", true, server, spans / load.Server.TotalCpuSeconds);
        Add($"{name}: spans a second", "spans", true, server, spans / load.ElapsedSeconds);
        Add($"{name}: p50", "ms", false, server, load.Tally.Latencies.PercentileMicros(50) / 1000.0);
        Add($"{name}: p99", "ms", false, server, load.Tally.Latencies.PercentileMicros(99) / 1000.0);
        Add($"{name}: memory at the peak", "MiB", false, server, load.Server.Peaks?.PeakBytes / 1048576.0);
        Add($"{name}: anonymous memory at the peak", "MiB", false, server, load.Server.Peaks?.AnonymousBytes / 1048576.0);
        Add($"{name}: Parquet", "bytes a span", false, server, (double?)load.Server.Disk?.ParquetBytes / spans);
        Add("empty start to ready", "ms", false, server, server.ReadyMs);
    }

    /// <summary>A request whose connection broke may be there or not; all others are there once or not at all.</summary>
    private void CheckCount(string what, TestedServer server, Tally tally, long before, long start, long end)
    {
        long counted = -1, most = tally.AcknowledgedSpans + tally.FailedSpans;
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        do
        {
            if (counted >= 0) Thread.Sleep(1000);
            counted = server.CountSpans(start, end) - before;
        }
        while (counted < tally.AcknowledgedSpans && System.Diagnostics.Stopwatch.GetElapsedTime(began) < VisibleLimit);
        report.Check(what, tally.AcknowledgedSpans > 0 && counted >= tally.AcknowledgedSpans && counted <= most
            ? null
            : $"{counted} counted of {tally.AcknowledgedSpans} acknowledged ({string.Join("; ", tally.Errors.Keys)})");
    }

    private void Add(string name, string unit, bool isMoreBetter, TestedServer server, double? value)
    {
        if (value is null or 0 || !double.IsFinite(value.Value)) return;
        if (!_figures.TryGetValue(name, out Figure? figure)) _figures[name] = figure = report.Figure(name, unit, isMoreBetter);
        figure.Add(server.Name, value);
    }
}
