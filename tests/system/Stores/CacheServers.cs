using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>A real memcached or Redis, of the distribution's package, on a port of its own.</summary>
public sealed class CacheServer : IAsyncDisposable
{
    private readonly Daemon _daemon;
    private readonly int _port = TempoPorts.Free().Api;
    private readonly bool _isRedis;

    private CacheServer(string program) => (_daemon, _isRedis) = (new Daemon(program), program == "redis-server");

    public string Address => $"127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}";

    public static CacheServer Memcached() => new("memcached");

    public static CacheServer Redis() => new("redis-server");

    public Task StartAsync() => _daemon.StartAsync(
        _isRedis
            ? ["--port", $"{_port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            : ["-l", "127.0.0.1", "-p", $"{_port}", "-u", "nobody"],
        async () => (await TryAskAsync(_isRedis ? "PING\r\n" : "version\r\n")).Length > 0);

    /// <summary>kill -9.</summary>
    public Task KillAsync() => _daemon.KillAsync();

    /// <summary>Puts something that is not ours where a key is.</summary>
    public async Task OverwriteAsync(string key) =>
        Assert.StartsWith(_isRedis ? "+OK" : "STORED",
            await TryAskAsync(_isRedis ? $"SET {key} strange\r\n" : $"set {key} 0 0 7\r\nstrange\r\n"), StringComparison.Ordinal);

    /// <summary>How many keys there are.</summary>
    public async Task<long> CountAsync()
    {
        var answer = await TryAskAsync(_isRedis ? "DBSIZE\r\n" : "stats\r\n");
        var number = _isRedis
            ? answer.Trim(':', '\r', '\n')
            : answer.Split('\n').First(static line => line.Contains(" curr_items ", StringComparison.Ordinal)).Split(' ')[2].Trim();
        return long.Parse(number, CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        await _daemon.EndAsync();
        _daemon.Dispose();
    }

    private async Task<string> TryAskAsync(string command)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", _port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command));
            var answer = new byte[64 << 10];
            var count = await client.GetStream().ReadAtLeastAsync(answer, 3, throwOnEndOfStream: false);
            return Encoding.ASCII.GetString(answer, 0, count);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return "";
        }
    }
}
