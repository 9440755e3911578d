using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>record</c>: the figures of the README. Starts the binary on an empty data folder for each scenario, loads it, flushes,
/// and keeps the raw reports under the results folder, one file a scenario; prints a table of medians.
/// </summary>
internal static class RecordVerb
{
    private static readonly (string Name, string Arguments)[] Scenarios =
    [
        ("grpc-max", "--grpc {grpc} --seconds {seconds}"),
        ("http-max", "--http {http} --seconds {seconds}"),
        ("grpc-10000", "--grpc {grpc} --rate 10000 --seconds {steady}"),
    ];

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        string results = options.Text("--results") ?? "perf/results/local";
        int rounds = options.Int("--rounds", 3, 1, 99);
        int seconds = options.Int("--seconds", 20, 1, 3600);
        int steadySeconds = options.Int("--steady-seconds", 60, 1, 86_400);
        options.ExpectEnd();
        if (!File.Exists(binary)) throw new OptionException($"there is no binary at {binary}: ./build.ps1 publish makes it");

        Directory.CreateDirectory(results);
        var readyMs = new List<double>();
        foreach (var (name, arguments) in Scenarios)
        {
            for (int round = 1; round <= rounds; round++)
            {
                string json = Path.Combine(results, $"{name}-{round}.json");
                string text = arguments.Replace("{seconds}", seconds.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
                    .Replace("{steady}", steadySeconds.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
                if (!RunOne(binary, text, json, readyMs)) return 1;
            }
        }

        readyMs.Sort();
        Console.WriteLine();
        Console.WriteLine($"| scenario | spans/s | spans per server CPU-second, blocks built | p50 ms | p99 ms | RSS peak MiB | Parquet bytes a span |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var (name, _) in Scenarios) Console.WriteLine(Row(name, results, rounds));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nempty start to /ready: median {readyMs[readyMs.Count / 2]:F0} ms of {readyMs.Count}"));
        return 0;
    }

    // A tenant's limits are Tempo's by default, 30 MB/s among them: what is measured here is the engine.
    private const string Unlimited = """
        distributor: {receivers: {otlp: {protocols: {grpc: , http: }}}}
        overrides:
          defaults:
            ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}
            global: {max_bytes_per_trace: 0}

        """;

    private static bool RunOne(string binary, string arguments, string json, List<double> readyMs)
    {
        string folder = Directory.CreateTempSubdirectory("tempo-record-").FullName;
        int api = FreePort(), grpc = FreePort(), http = FreePort();
        string config = Path.Combine(folder, "tempo.yaml");
        File.WriteAllText(config, Unlimited);
        var start = new ProcessStartInfo(binary)
        {
            WorkingDirectory = folder,
            ArgumentList =
            {
                $"-config.file={config}", $"-server.http-listen-port={api}", "-server.grpc-listen-port=0", $"-distributor.otlp.grpc-endpoint=127.0.0.1:{grpc}",
                $"-distributor.otlp.http-endpoint=127.0.0.1:{http}", $"-storage.path={Path.Combine(folder, "data")}",
            },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        long began = Stopwatch.GetTimestamp();
        using Process server = Process.Start(start)!;
        server.OutputDataReceived += static (_, _) => { };
        server.ErrorDataReceived += static (_, _) => { };
        server.BeginErrorReadLine();
        server.BeginOutputReadLine();
        try
        {
            WaitUntilReady(api, server);
            readyMs.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            string all = arguments.Replace("{grpc}", $"127.0.0.1:{grpc}", StringComparison.Ordinal).Replace("{http}", $"127.0.0.1:{http}", StringComparison.Ordinal)
                + $" --pid {server.Id} --data-dir {folder}/data --flush http://127.0.0.1:{api}/flush --json {json}";
            string[] words = all.Split(' ');
            return RunVerb.Run(new OptionReader(words), words) == 0;
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
            Directory.Delete(folder, recursive: true);
        }
    }

    // Straight over a socket: an HTTP client's own first use would be a good part of what is measured.
    private static void WaitUntilReady(int port, Process server)
    {
        long began = Stopwatch.GetTimestamp();
        var answer = new byte[256];
        while (Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30) && !server.HasExited)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPAddress.Loopback, port);
                socket.Send("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8);
                int count = socket.Receive(answer);
                if (answer.AsSpan(0, count).StartsWith("HTTP/1.1 200"u8)) return;
            }
            catch (SocketException)
            {
                // Not listening yet.
            }

            Thread.Sleep(1);
        }

        throw new OptionException("the binary did not become ready in 30 s");
    }

    private static string Row(string name, string results, int rounds)
    {
        JsonElement[] reports = [.. Enumerable.Range(1, rounds).Select(round => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(results, $"{name}-{round}.json"))).RootElement)];
        return string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {Median(reports, "spans_per_second"):F0} | {Median(reports, "spans_per_server_cpu_second"):F0} | {Median(reports, "request_p50_ms"):F1} | {Median(reports, "request_p99_ms"):F1} | {Median(reports, "rss_peak_bytes") / 1048576:F0} | {Median(reports, "disk_parquet_bytes_per_span"):F1} |");
    }

    private static double Median(JsonElement[] reports, string figure)
    {
        double[] values = [.. reports.Select(report => report.GetProperty(figure).GetDouble()).Order()];
        return values[values.Length / 2];
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
