using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>hostile</c>: what good senders keep of their throughput beside clients that only hold connections, and beside some that never stop to
/// send nonsense. Phases take turns, so that what else the machine does meets all of them:
/// <code>
/// alone      good senders
/// held       beside thousands of connections: a third silent, a third with half a request line, a third whose body does not come
/// abused     beside them and clients that connect, send a part of a request or what is none, and reset the connection, as fast as they may
/// </code>
/// Abusers have a rate: on the same cores as the server they would take their share of the processor, whatever the server does.
/// </summary>
internal static class HostileVerb
{
    private const int SpansPerRequest = 100, Senders = 8;
    private const double LeastShare = 0.9;

    private static readonly byte[][] Held =
    [
        [], Encoding.ASCII.GetBytes("POST /v1/tra"),
        Encoding.ASCII.GetBytes(
            "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\n"),
    ];

    private static readonly byte[][] Nonsense =
    [
        Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"),
        Encoding.ASCII.GetBytes("POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzzzz\r\n"),
        Encoding.ASCII.GetBytes(
            "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 70000\r\n\r\n"
                + new string('x', 60000)),
        [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 9, 0, 0, 0, 1],
        [0x16, 3, 1, 0, 1, 0, 0xFF],
    ];

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        int connections = options.Int("--connections", 10_000, 0, 60_000);
        int abuses = options.Int("--abuses-per-second", 500, 1, 100_000);
        int rounds = options.Int("--rounds", 3, 1, 100);
        double seconds = options.Real("--seconds", 5, 0.5, 3600);
        options.ExpectEnd();
        using var server = new StartedServer(binary);
        RequestTemplate[] templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        var target = new ExportTarget("127.0.0.1", server.Http, false, null, false, 16_384);
        LoadPhase Send() => LoadPhase.Send(target, server, templates, Senders, 0, seconds, isPatient: false);
        Send();
        var phases = new Dictionary<string, List<LoadPhase>> { ["alone"] = [], ["held"] = [], ["abused"] = [] };
        long most = 0;
        for (int round = 0; round < rounds; round++)
        {
            phases["alone"].Add(Send());
            Socket[] held = Hold(server.Http, connections);
            phases["held"].Add(Send());
            using var stop = new CancellationTokenSource();
            var abuser = new Thread(() => Abuse(server.Http, abuses, stop.Token));
            abuser.Start();
            phases["abused"].Add(Send());
            stop.Cancel();
            abuser.Join();
            most = Math.Max(most, new ServerProcess(server.Pid).Memory()?.PeakBytes ?? 0);
            foreach (Socket socket in held) socket.Dispose();
        }

        Console.WriteLine("| beside | spans/s | of alone | spans a CPU second | of alone |\n|---|---|---|---|---|");
        double Median(string name, Func<LoadPhase, double> figure) => LoadPhase.Median(phases[name], figure);
        foreach (string name in phases.Keys)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {Median(name, static p => p.SpansPerSecond):F0} | {Median(name, static p => p.SpansPerSecond) / Median("alone", static p => p.SpansPerSecond):P0} | {Median(name, static p => p.SpansPerCpuSecond):F0} | {Median(name, static p => p.SpansPerCpuSecond) / Median("alone", static p => p.SpansPerCpuSecond):P0} |"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{connections} connections held, {abuses} abuses a second; {most >> 20} MiB resident at the most; failed {phases.Values.SelectMany(static p => p).Sum(static p => p.Tally.FailedSpans)} spans"));
        return Median("abused", static p => p.SpansPerSecond) >= LeastShare * Median("alone", static p => p.SpansPerSecond) ? 0 : 1;
    }

    private static Socket[] Hold(int port, int count)
    {
        var held = new Socket[count];
        for (int i = 0; i < count; i++)
        {
            held[i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            held[i].Connect(IPAddress.Loopback, port);
            if (Held[i % Held.Length] is { Length: > 0 } said) held[i].Send(said);
        }

        return held;
    }

    private static void Abuse(int port, int perSecond, CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream,
                    ProtocolType.Tcp)
                { SendTimeout = 1000, LingerState = new LingerOption(true, 0) };
                socket.Connect(IPAddress.Loopback, port);
                socket.Send(Nonsense[i % Nonsense.Length]);
            }
            catch (SocketException)
            {
                // It was shown the door.
            }

            if (i % 10 == 9) stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(10.0 / perSecond));
        }
    }
}
