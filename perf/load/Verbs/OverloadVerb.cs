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
/// overload   what is stored of the flood (goodput), and how long refusals take from when their request was sent
/// after      five seconds later the few senders again: has it become itself?
/// </code>
/// Beside seconds of the clock there is the server's CPU, which tells more on a machine that others use, too. The exit code is 1 if a goal is missed.
/// </summary>
internal static class OverloadVerb
{
    private const int SpansPerRequest = 200, FewSenders = 16;
    private const double LeastGoodput = 0.9, MostRefusalMs = 10;

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        double minutes = options.Real("--minutes", 3, 0.05, 1440);
        double warmSeconds = options.Real("--warm-seconds", 60, 1, 3600);
        int senders = options.Int("--senders", 500, 1, 5000);
        double times = options.Real("--times", 5, 1, 100);
        int megabytes = options.Int("--memory-mib", 512, 64, 1 << 20);
        bool isPatient = !options.Flag("--impatient");
        string? only = options.Text("--only");
        options.ExpectEnd();
        if (only is not (null or "grpc" or "http")) throw new OptionException($"--only is '{only}'; it must be grpc or http.");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times} times its capacity for {minutes} min by {senders} senders that {(isPatient ? "come back when they are told to" : "come back at once")}; a server of 1 processor and {megabytes} MiB"));
        Console.WriteLine("| transport | capacity spans/s | goodput | of capacity | by CPU | refused | refusal p50 ms | p99 ms | without Retry-After | failed | p50 before ms | after ms | peak MiB | killed |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        bool isGood = true;
        foreach (bool isGrpc in new[] { true, false })
            if (only is null || only == (isGrpc ? "grpc" : "http"))
                isGood &= Measure(binary, isGrpc, minutes * 60, warmSeconds, senders, times, megabytes, isPatient);
        return isGood ? 0 : 1;
    }

    private static bool Measure(string binary, bool isGrpc, double seconds, double warmSeconds, int senders, double times, int megabytes, bool isPatient)
    {
        using var confinement = new Confinement(megabytes);
        using var server = new StartedServer(binary, launcher: confinement.Launcher);
        var target = new ExportTarget("127.0.0.1", isGrpc ? server.Grpc : server.Http, isGrpc, null, IsGzip: false, 16_384);
        RequestTemplate[] templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        double meanSpans = templates.Average(static template => template.SpanCount);

        // Until blocks are built and compacted as fast as spans come in: before, live data takes more than the server can for good.
        LoadPhase.Send(target, server, templates, FewSenders, 0, warmSeconds, isPatient: false);
        LoadPhase before = LoadPhase.Send(target, server, templates, FewSenders, 0, warmSeconds / 2, isPatient: false);
        LoadPhase during = LoadPhase.Send(target, server, templates, senders, before.SpansPerSecond / meanSpans * times, seconds, isPatient);
        Thread.Sleep(5000);
        LoadPhase after = LoadPhase.Send(target, server, templates, FewSenders, 0, 10, isPatient: false);

        double goodput = during.SpansPerSecond / before.SpansPerSecond;
        double refusalMs = during.Tally.RefusalLatencies.PercentileMicros(99) / 1000.0;
        (double calm, double calmAfter) = (before.Tally.Latencies.PercentileMicros(50) / 1000.0, after.Tally.Latencies.PercentileMicros(50) / 1000.0);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {(isGrpc ? "gRPC" : "HTTP")} | {before.SpansPerSecond:F0} | {during.SpansPerSecond:F0} | {goodput:P0} | {during.SpansPerCpuSecond / before.SpansPerCpuSecond:P0} | {during.Tally.RefusedRequests} | {during.Tally.RefusalLatencies.PercentileMicros(50) / 1000.0:F1} | {refusalMs:F1} | {during.Tally.WithoutRetryAfter} | {during.Tally.FailedSpans / SpansPerRequest} | {calm:F1} | {calmAfter:F1} | {confinement.PeakMiB} | {confinement.Kills} |"));
        Console.WriteLine($"  refusals, ms: {string.Join(", ", new[] { 75, 90, 95, 98, 99, 99.5, 99.9, 100 }.Select(p => string.Create(CultureInfo.InvariantCulture, $"p{p} {during.Tally.RefusalLatencies.PercentileMicros(p) / 1000.0:F1}")))}");
        foreach ((string error, long count) in during.Tally.Errors.Where(static e => !e.Key.Contains("wait to be written", StringComparison.Ordinal)).OrderByDescending(static e => e.Value).Take(3))
            Console.WriteLine($"  {count} times: {error}");
        return goodput >= LeastGoodput && refusalMs < MostRefusalMs && confinement.Kills == 0 && during.Tally.WithoutRetryAfter == 0 && calmAfter < 2 * calm + 1;
    }
}
