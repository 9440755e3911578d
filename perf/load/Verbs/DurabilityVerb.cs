using System.Diagnostics;
using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>durability</c>: what the promise costs, and what it takes to keep it.
/// <code>
/// sync       the same load with wal.sync group and os, in turns: spans a second, and for each second of the server's processors
/// recovery   a server that took as much as it could is killed; how long the next start takes to /ready, and its memory, by the log that it
///            found
/// </code>
/// </summary>
internal static class DurabilityVerb
{
    private const int SpansPerRequest = 100, Senders = 16;
    private const double MostLoss = 0.15;

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        int rounds = options.Int("--rounds", 3, 1, 100);
        double seconds = options.Real("--seconds", 8, 0.5, 3600);
        options.ExpectEnd();
        RequestTemplate[] templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        var (group, os) = (new List<LoadPhase>(), new List<LoadPhase>());
        for (int round = 0; round < rounds; round++)
        {
            os.Add(Measure(binary, "os", templates, seconds));
            group.Add(Measure(binary, "group", templates, seconds));
        }

        Console.WriteLine("| wal.sync | spans/s | spans a CPU second |\n|---|---|---|");
        foreach (var (name, phases) in new[] { ("os", os), ("group", group) })
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {LoadPhase.Median(phases, static p => p.SpansPerSecond):F0} | {LoadPhase.Median(phases, static p => p.SpansPerCpuSecond):F0} |"));
        double share = LoadPhase.Median(group, static p => p.SpansPerSecond) / LoadPhase.Median(os, static p => p.SpansPerSecond);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"group has {share:P0} of os, by CPU {LoadPhase.Median(group, static p => p.SpansPerCpuSecond) / LoadPhase.Median(os, static p => p.SpansPerCpuSecond):P0} (goal: at least {1 - MostLoss:P0})"));
        Recover(binary, templates, seconds);
        return share >= 1 - MostLoss ? 0 : 1;
    }

    private static LoadPhase Measure(string binary, string sync, RequestTemplate[] templates, double seconds)
    {
        using var server = new StartedServer(binary, settings: $"wal: {{sync: {sync}}}\n");
        var target = new ExportTarget("127.0.0.1", server.Grpc, true, null, false, 16_384);
        LoadPhase.Send(target, server, templates, Senders, 0, seconds / 4, isPatient: false);
        return LoadPhase.Send(target, server, templates, Senders, 0, seconds, isPatient: false);
    }

    private static void Recover(string binary, RequestTemplate[] templates, double seconds)
    {
        using var server = new StartedServer(binary);
        LoadPhase.Send(new ExportTarget("127.0.0.1", server.Grpc, true, null, false, 16_384), server, templates, Senders, 0, seconds,
            isPatient: false);
        // Killed with what waits to be cut; the files' size is what was allocated, and so what a start looks through at most.
        server.Kill();
        double bytes = new DirectoryInfo(Path.Combine(server.DataFolder, "wal")).EnumerateFiles("*.wal").Sum(static file => file.Length);
        long began = Stopwatch.GetTimestamp();
        server.Start();
        double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        MemoryReading memory = new ServerProcess(server.Pid).Memory() ?? default;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"recovery: {bytes / (1 << 20):F0} MiB of log, ready after {took:F2} s (goal: {1 + bytes / (1 << 30):F2} s), {memory.PeakBytes >> 20} MiB resident at the most"));
    }
}
