using System.Net;
using System.Net.Sockets;

namespace Tempo.Testing;

/// <summary>Ports for servers that have to be told theirs before they listen.</summary>
public static class LoopbackPort
{
    /// <summary>A TCP port that nobody had on 127.0.0.1 a moment ago.</summary>
    public static int Free()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
