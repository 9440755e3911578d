using System.Globalization;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>A real etcd, of the distribution's package, on ports and in a folder of its own.</summary>
internal sealed class EtcdProcess : IAsyncDisposable
{
    private readonly Daemon _daemon = new("etcd");
    private readonly HttpClient _http = new(new SocketsHttpHandler()) { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-etcd-").FullName;
    private readonly TempoPorts _ports = TempoPorts.Free();

    public int Port => _ports.Api;

    public string Address => $"127.0.0.1:{_ports.Api.ToString(CultureInfo.InvariantCulture)}";

    public async Task StartAsync()
    {
        var peer = $"http://127.0.0.1:{_ports.ApiGrpc}";
        await _daemon.StartAsync(
        [
            "--data-dir", _folder, "--name", "only", "--listen-client-urls", $"http://{Address}", "--advertise-client-urls",
            $"http://{Address}",
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"only={peer}", "--log-level", "error",
        ], async () => (await _http.GetStringAsync($"http://{Address}/health")).Contains("true", StringComparison.Ordinal));
    }

    /// <summary>kill -9; what it had is there again after the next start.</summary>
    public Task KillAsync() => _daemon.KillAsync();

    public async ValueTask DisposeAsync()
    {
        await _daemon.EndAsync();
        _daemon.Dispose();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
