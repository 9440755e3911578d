using System.Security.Cryptography;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Run;

/// <summary>What many senders got done in a while, and what it cost the server.</summary>
/// <param name="Tally">Answers.</param>
/// <param name="Seconds">Of the clock.</param>
/// <param name="Cpu">Seconds of the server's processors.</param>
internal readonly record struct LoadPhase(Tally Tally, double Seconds, double Cpu)
{
    public double SpansPerSecond => Tally.AcknowledgedSpans / Seconds;

    public double SpansPerCpuSecond => Tally.AcknowledgedSpans / Cpu;

    /// <summary>The middle of a figure of several phases.</summary>
    public static double Median(IReadOnlyCollection<LoadPhase> phases, Func<LoadPhase, double> figure) =>
        phases.Select(figure).Order().ElementAt(phases.Count / 2);

    /// <summary>Each sender has a connection and one request open. A rate of 0: each sends when it was answered.</summary>
    public static LoadPhase Send(
        ExportTarget target, StartedServer server, RequestTemplate[] templates, int senders, double requestsPerSecond, double seconds,
        bool isPatient)
    {
        var process = new ServerProcess(server.Pid);
        Sender[] all = [.. Enumerable.Range(0, senders)
            .Select(_ => new Sender(
                target, 1, templates, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), null) { HonoursRetryAfter = isPatient })];
        try
        {
            double cpu = process.CpuSeconds() ?? 0;
            var pacer = new Pacer(requestsPerSecond, seconds);
            Thread[] threads = [.. all.Select(sender => new Thread(() => sender.Run(pacer), 256 * 1024) { Name = "sender" })];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            var tally = new Tally();
            foreach (Sender sender in all) tally.Add(sender.Tally);
            return new LoadPhase(tally, seconds, (process.CpuSeconds() ?? 0) - cpu);
        }
        finally
        {
            foreach (Sender sender in all) sender.Dispose();
        }
    }
}
