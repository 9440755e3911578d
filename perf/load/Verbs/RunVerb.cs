using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>run</c>: sends traffic to an OTLP receiver and prints the report. The exit code is 0 when anything was acknowledged.
/// </summary>
internal static class RunVerb
{
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromMinutes(10);

    public static int Run(OptionReader options, IReadOnlyList<string> arguments)
    {
        LoadOptions load = LoadOptions.Read(options);
        try
        {
            LoadReport report = Measure(load, arguments);
            string json = report.ToJson();
            Console.WriteLine(json);
            if (load.JsonPath is not null) File.WriteAllText(load.JsonPath, json + "\n");
            return report.Tally.AcknowledgedSpans > 0 ? 0 : 1;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Console.Error.WriteLine($"{load.Target.Authority}: {e.Message}");
            return 1;
        }
    }

    /// <summary>
    /// Sends the load and waits for what it leaves to be done. Throws <see cref="SocketException"/> or <see cref="IOException"/> when
    /// nobody answers at the start.
    /// </summary>
    public static LoadReport Measure(LoadOptions load, IReadOnlyList<string> arguments)
    {
        RequestTemplate[] templates = TemplateBuilder.BuildMany(load.Seed, load.SpansPerRequest, load.TemplateCount);
        double meanSpans = templates.Average(static template => template.SpanCount);

        using TraceLedger? ledger = load.LedgerPath is null ? null : new TraceLedger(load.LedgerPath);
        var senders = new List<Sender>();
        try
        {
            // Ids must be new in every run, or a second run would fill up the traces of the first: only the shapes follow the seed.
            for (int i = 0; i < load.ConnectionCount; i++)
                senders.Add(new Sender(
                    load.Target, load.Inflight, templates, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), ledger));

            using var server = new ServerWatch(load.ServerPid, load.DataFolder);
            return Measure(load, meanSpans, senders, server, arguments);
        }
        finally
        {
            foreach (Sender sender in senders) sender.Dispose();
        }
    }

    private static LoadReport Measure(
        LoadOptions load, double meanSpans, List<Sender> senders, ServerWatch server, IReadOnlyList<string> arguments)
    {
        TimeSpan clientCpuStart = Environment.CpuUsage.TotalTime;
        var pacer = new Pacer(load.SpansPerSecond / meanSpans, load.Seconds);
        Thread[] threads = [.. senders.Select(sender => new Thread(() => sender.Run(pacer)) { Name = "sender" })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        double clientCpuSeconds = (Environment.CpuUsage.TotalTime - clientCpuStart).TotalSeconds;
        server.EndOfLoad();

        var tally = new Tally();
        foreach (Sender sender in senders) tally.Add(sender.Tally);
        double? flushSeconds = load.FlushAddress is null ? null : Flush(load.FlushAddress, tally);
        bool? isAtRest = load.RestSeconds == 0 ? null : server.AwaitRest(TimeSpan.FromSeconds(load.RestSeconds));
        server.Close();

        long lastTicks = senders.Max(static sender => sender.LastAcknowledgementTicks);
        return new LoadReport
        {
            Tally = tally,
            Server = server,
            Arguments = arguments,
            ElapsedSeconds = lastTicks > 0 ? Stopwatch.GetElapsedTime(pacer.StartTicks, lastTicks).TotalSeconds : 0,
            ClientCpuSeconds = clientCpuSeconds,
            MissedRequests = pacer.MissedTurns,
            FlushSeconds = flushSeconds,
            IsServerAtRest = isAtRest,
        };
    }

    /// <summary>How long the server took to answer; null when it did not, and then the tally says why.</summary>
    private static double? Flush(Uri address, Tally tally)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            using var http = new HttpClient { Timeout = FlushTimeout };
            using var request = new HttpRequestMessage(HttpMethod.Post, address);
            using HttpResponseMessage response = http.Send(request);
            response.EnsureSuccessStatusCode();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            tally.CountError($"flush: {e.Message}", 1);
            return null;
        }
    }
}
