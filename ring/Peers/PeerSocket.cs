using System.Net.Sockets;

namespace Tempo.Ring.Peers;

/// <summary>
/// Connections to other nodes. Those for pushes may be silent for minutes, and nothing of HTTP asks there whether the other node is
/// still alive: a machine that lost its power would be waited for without an end, and what lies between would forget the connection.
/// </summary>
public static class PeerSocket
{
    /// <summary>Silence after which the kernel asks, and asks again, until it gives the connection up: a minute in all.</summary>
    private const int SilenceSeconds = 30, IntervalSeconds = 10, Questions = 3;

    /// <summary>Has the kernel find out whether the other end is there.</summary>
    public static void KeepAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, SilenceSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, IntervalSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Questions);
    }
}
