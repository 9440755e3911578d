using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tempo.Perf.Load.Transport;

/// <summary>Where and how to send.</summary>
internal sealed record ExportTarget(string Host, int Port, bool IsGrpc, string? Tenant, bool IsGzip, int MaxFrameBytes)
{
    public string Authority => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>Opens a connection that may have up to <paramref name="inflight"/> requests open (HTTP/1.1: one).</summary>
    public IExportConnection Connect(int inflight, IExportObserver observer) =>
        IsGrpc ? new GrpcConnection(this, inflight, observer) : new Http1Connection(this, observer);

    /// <summary>Opens the TCP connection, blocking, without Nagle's delay.</summary>
    public Socket OpenSocket()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = 30_000 };
        try
        {
            if (IPAddress.TryParse(Host, out IPAddress? address)) socket.Connect(address, Port);
            else socket.Connect(Host, Port);
            ArrivalClock.Enable(socket);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
