using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>overload</c>: a server with one processor and 512 MiB is offered several times what it takes, by many senders on an open schedule,
/// over gRPC and over HTTP. Senders come back when they are told to, as exporters do, unless <c>--impatient</c>.
/// <code>
/// capacity   what a few senders get stored that send as soon as they are answered
/// overload   what is stored of the flood (goodput), and how long refusals take from when their request was sent until the kernel has them
/// …          both again, as often as --floods says; each flood is as long as --minutes divided by that
/// after      five seconds after the last flood the few senders again: has it become itself?
/// </code>
/// What a span costs changes with the blocks that are there to be merged, and on a machine that is not one's own with what others do:
/// goodput is told of the mean of the capacities around the floods.
/// Beside seconds of the clock there is the server's CPU, which tells more on a machine that others use, too. The exit code is 1 if a goal
/// is missed.
/// </summary>
internal static class OverloadVerb
{
    private const int SpansPerRequest = 200, FewSenders = 16;
    private const double LeastGoodput = 0.9, MostRefusalMs = 10;

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        double minutes = options.Real("--minutes", 3, 0.05, 1440);
        int floods = options.Int("--floods", 1, 1, 1000);
        double warmSeconds = options.Real("--warm-seconds", 60, 1, 3600);
        int senders = options.Int("--senders", 500, 1, 5000);
        double times = options.Real("--times", 5, 1, 100);
        int megabytes = options.Int("--memory-mib", 512, 64, 1 << 20);
        bool isPatient = !options.Flag("--impatient");
        string? only = options.Text("--only");
        options.ExpectEnd();
        if (only is not (null or "grpc" or "http")) throw new OptionException($"--only is '{only}'; it must be grpc or http.");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{times} times its capacity for {minutes} min{(floods > 1 ? $" in {floods} floods" : "")} by {senders} senders that {(isPatient ? "come back when they are told to" : "come back at once")}; a server of 1 processor and {megabytes} MiB"));
        Console.WriteLine("| transport | capacity around the floods, spans/s | goodput | of their mean | by CPU | refused | refusal p50 ms | p99 ms | without Retry-After | failed | p50 before ms | after ms | peak MiB | killed |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        bool isGood = true;
        foreach (bool isGrpc in new[] { true, false })
            if (only is null || only == (isGrpc ? "grpc" : "http"))
                isGood &= Measure(binary, isGrpc, minutes * 60, floods, warmSeconds, senders, times, megabytes, isPatient);
        return isGood ? 0 : 1;
    }

    private static bool Measure(
        string binary, bool isGrpc, double seconds, int floods, double warmSeconds, int senders, double times, int megabytes,
        bool isPatient)
    {
        using var confinement = new Confinement(megabytes);
        using var server = new StartedServer(binary, launcher: confinement.Launcher);
        var target = new ExportTarget("127.0.0.1", isGrpc ? server.Grpc : server.Http, isGrpc, null, IsGzip: false, 16_384);
        RequestTemplate[] templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        double meanSpans = templates.Average(static template => template.SpanCount);

        // Until blocks are built and compacted as fast as spans come in: before, live data takes more than the server can for good.
        LoadPhase.Send(target, server, templates, FewSenders, 0, warmSeconds, isPatient: false);
        var calm = new List<LoadPhase> { Calm() };
        var flood = new LoadPhase(new Tally(), 0, 0);
        for (int i = 0; i < floods; i++)
        {
            LoadPhase one = LoadPhase.Send(
                target, server, templates, senders, calm[^1].SpansPerSecond / meanSpans * times, seconds / floods, isPatient);
            flood.Tally.Add(one.Tally);
            flood = flood with { Seconds = flood.Seconds + one.Seconds, Cpu = flood.Cpu + one.Cpu };
            Thread.Sleep(5000);
            calm.Add(Calm());
        }

        double goodput = flood.SpansPerSecond / calm.Average(static phase => phase.SpansPerSecond);
        double goodputByCpu = flood.SpansPerCpuSecond / calm.Average(static phase => phase.SpansPerCpuSecond);
        double refusalMs = flood.Tally.RefusalLatencies.PercentileMicros(99) / 1000.0;
        (double before, double after) =
            (calm[0].Tally.Latencies.PercentileMicros(50) / 1000.0, calm[^1].Tally.Latencies.PercentileMicros(50) / 1000.0);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {(isGrpc ? "gRPC" : "HTTP")} | {string.Join(", ", calm.Select(static phase => phase.SpansPerSecond.ToString("F0", CultureInfo.InvariantCulture)))} | {flood.SpansPerSecond:F0} | {goodput:P0} | {goodputByCpu:P0} | {flood.Tally.RefusedRequests} | {flood.Tally.RefusalLatencies.PercentileMicros(50) / 1000.0:F1} | {refusalMs:F1} | {flood.Tally.WithoutRetryAfter} | {flood.Tally.FailedSpans / SpansPerRequest} | {before:F1} | {after:F1} | {confinement.PeakMiB} | {confinement.Kills} |"));
        Console.WriteLine($"  refusals until they had come, ms: {Percentiles(flood.Tally.RefusalLatencies)}");
        Console.WriteLine($"  until their sender had its turn to read them: {Percentiles(flood.Tally.RefusalsRead)}");
        foreach ((string error, long count) in flood.Tally.Errors.Where(
            static e => !e.Key.Contains("wait to be written", StringComparison.Ordinal)).OrderByDescending(static e => e.Value).Take(3))
            Console.WriteLine($"  {count} times: {error}");
        return goodput >= LeastGoodput && refusalMs < MostRefusalMs && confinement.Kills == 0 && flood.Tally.WithoutRetryAfter == 0
            && after < 2 * before + 1;

        static string Percentiles(LatencyHistogram histogram) => string.Join(", ", new[] { 75, 90, 95, 98, 99, 99.5, 99.9, 100 }.Select(
            p => string.Create(CultureInfo.InvariantCulture, $"p{p} {histogram.PercentileMicros(p) / 1000.0:F1}")));

        LoadPhase Calm() => LoadPhase.Send(target, server, templates, FewSenders, 0, warmSeconds / 2, isPatient: false);
    }
}
