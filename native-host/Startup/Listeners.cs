using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Authentication;
using Tempo.Host.Config;
using Tempo.Host.Edge;

namespace Tempo.Host.Startup;

/// <summary>The ports of a process, in the order in which they were opened. Opened and closed by one thread, named by any.</summary>
internal sealed class Listeners(ListenerAuthentication authentication, Log log, TimeProvider time)
{
    private readonly List<Listener> _open = [];
    private readonly List<string> _datagramPorts = [];

    public IEnumerable<string> Names => _open.Select(static listener => listener.Name).Concat(_datagramPorts);

    /// <summary>Names a port that is served by somebody else, who closes it.</summary>
    public void AddDatagramPort(string name) => _datagramPorts.Add(name);

    /// <exception cref="ListenException">The address is not ours or taken, or the certificate cannot be used.</exception>
    /// <param name="open">Puts before authentication what nobody brings credentials for.</param>
    /// <param name="posts">Serves plain posts below Kestrel, where nothing stands before the handler, or they judge the sender
    /// themselves.</param>
    public async Task OpenAsync(
        string name, ListenAddress address, ListenerLimits limits, Func<HttpContext, Task> handle, TlsOptions? tls,
        Func<Func<HttpContext, Task>, Func<HttpContext, Task>>? open = null, PlainPosts? posts = null)
    {
        var certificate = ServerCertificate.Open(name, tls, !limits.TakesHttp1, log, time);
        var asking = authentication.Before(name, handle);
        var first = open?.Invoke(asking) ?? asking;
        _open.Add(await Listener.StartAsync(name, address, limits, first, log, certificate,
            ReferenceEquals(first, handle) || posts is { JudgesSender: true } ? posts : null).ConfigureAwait(false));
    }

    /// <summary>Closes them, the last one first; what is in flight may finish until the token is cancelled.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        for (var i = _open.Count - 1; i >= 0; i--)
        {
            await _open[i].StopAsync(cancellation).ConfigureAwait(false);
            await _open[i].DisposeAsync().ConfigureAwait(false);
        }
    }
}
