using System.Diagnostics;
using System.Globalization;
using System.Text;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>A real etcd, of the distribution's package, on ports and in a folder of its own.</summary>
internal sealed class EtcdProcess : IAsyncDisposable
{
    private readonly StringBuilder _log = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler()) { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-etcd-").FullName;
    private readonly TempoPorts _ports = TempoPorts.Free();
    private Process? _process;

    public string Address => $"127.0.0.1:{_ports.Api.ToString(CultureInfo.InvariantCulture)}";

    public async Task StartAsync()
    {
        var peer = $"http://127.0.0.1:{_ports.ApiGrpc}";
        _process = Process.Start(new ProcessStartInfo("etcd",
        [
            "--data-dir", _folder, "--name", "only", "--listen-client-urls", $"http://{Address}", "--advertise-client-urls", $"http://{Address}",
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"only={peer}", "--log-level", "error",
        ])
        { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Eventually.HoldsAsync("etcd is healthy", async () =>
        {
            if (_process.HasExited) throw new InvalidOperationException($"etcd ended with {_process.ExitCode}:\n{_log}");
            try
            {
                return (await _http.GetStringAsync($"http://{Address}/health")).Contains("true", StringComparison.Ordinal);
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
    }

    /// <summary>kill -9; what it had is there again after the next start.</summary>
    public async Task KillAsync()
    {
        Signals.Kill(_process!);
        await _process!.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Keep(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }
}
