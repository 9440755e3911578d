using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Tempo.Perf.Load.Observe;

/// <summary>
/// The native binary on an empty data folder and free ports of loopback, until it is disposed of; then its folder goes, too.
/// </summary>
internal sealed class StartedServer : IDisposable
{
    // A tenant's limits are Tempo's by default, 30 MB/s among them: what is measured here is the engine.
    private const string Unlimited = """
        overrides:
          defaults:
            ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}
            global: {max_bytes_per_trace: 0}
            read: {max_bytes_per_tag_values_query: 1000000000}

        """;

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-perf-").FullName;
    private readonly ProcessStartInfo _start;
    private readonly string _config;
    private Process _process;

    /// <summary>Returns once <c>/ready</c> answers 200; throws <see cref="IOException"/> if it does not in 30 s.</summary>
    /// <param name="binary">The server.</param>
    /// <param name="isMultitenant">Requests name their tenant.</param>
    /// <param name="settings">Further lines of its configuration.</param>
    /// <param name="receivers">Receivers beside OTLP's, as the configuration has them.</param>
    /// <param name="launcher">A program and its arguments that become the server; empty: it is started as it is.</param>
    public StartedServer(string binary, bool isMultitenant = false, string settings = "", string receivers = "", params string[] launcher)
    {
        Api = FreePort();
        Grpc = FreePort();
        Http = FreePort();
        string config = Path.Combine(_folder, "tempo.yaml");
        _config = $"distributor: {{receivers: {{otlp: {{protocols: {{grpc: , http: }}}}{(receivers.Length > 0 ? ", " : "")}{receivers}}}}}\n" + Unlimited + (isMultitenant ? "multitenancy_enabled: true\n" : "");
        File.WriteAllText(config, _config + settings);
        string[] command =
        [
            .. launcher, Path.GetFullPath(binary), $"-config.file={config}", $"-server.http-listen-port={Api}",
            "-server.grpc-listen-port=0",
            $"-distributor.otlp.grpc-endpoint=127.0.0.1:{Grpc}", $"-distributor.otlp.http-endpoint=127.0.0.1:{Http}",
            $"-storage.path={DataFolder}",
        ];
        _start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = _folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        long began = Stopwatch.GetTimestamp();
        _process = StartProcess();
        ReadyMs = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    public int Api { get; }
    public int Grpc { get; }
    public int Http { get; }
    public int Pid => _process.Id;
    public string DataFolder => Path.Combine(_folder, "data");

    /// <summary>From the start of the process to its first answer of 200 on <c>/ready</c>.</summary>
    public double ReadyMs { get; }

    /// <summary>Kills it and starts it again on the same folder: memory that it took until now is gone.</summary>
    public void Restart()
    {
        Kill();
        Start();
    }

    /// <summary>The same with other further lines of its configuration.</summary>
    public void Restart(string settings)
    {
        File.WriteAllText(Path.Combine(_folder, "tempo.yaml"), _config + settings);
        Restart();
    }

    /// <summary>Ends it as nothing can be prepared for.</summary>
    public void Kill() => End();

    /// <summary>Starts it again after <see cref="Kill"/>; returns when it is ready.</summary>
    public void Start() => _process = StartProcess();

    public void Dispose()
    {
        End();
        Directory.Delete(_folder, recursive: true);
    }

    private void End()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private Process StartProcess()
    {
        Process process = Process.Start(_start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        try
        {
            WaitUntilReady(process);
            return process;
        }
        catch
        {
            process.Kill();
            throw;
        }
    }

    // Straight over a socket: an HTTP client's own first use would be a good part of what is measured.
    private void WaitUntilReady(Process process)
    {
        long began = Stopwatch.GetTimestamp();
        var answer = new byte[256];
        while (Stopwatch.GetElapsedTime(began) < ReadyLimit && !process.HasExited)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPAddress.Loopback, Api);
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

        throw new IOException($"{_start.FileName} did not become ready in {ReadyLimit.TotalSeconds} s");
    }

    /// <summary>One that nobody listens on now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
