using System.Net;
using System.Net.Sockets;

namespace Tempo.SystemTests.Server;

/// <summary>
/// The ports of one server. They lie below the range from which the kernel serves outgoing connections, so that none of
/// ours takes a port away between the look and the bind, or while the server is being restarted; and in a block that
/// this process has for itself, so that two test runs on one machine do not meet: who has bound the first port of a
/// block has the block. No port is given out twice.
/// </summary>
public sealed record TempoPorts(int Api, int ApiGrpc, int OtlpGrpc, int OtlpHttp)
{
    public int Zipkin { get; } = FreePort();
    public int JaegerGrpc { get; } = FreePort();
    public int JaegerHttp { get; } = FreePort();
    public int JaegerCompact { get; } = FreePort();
    public int JaegerBinary { get; } = FreePort();

    private const int First = 20_000;
    private const int BlockSize = 400;
    private const int Blocks = 30;

    private static readonly Lock Gate = new();

    // Held until the process ends: servers of a block that is used up may still run.
    private static readonly List<Socket> Reservations = [];
    private static int _next;
    private static int _end;

    public static TempoPorts Free() => new(FreePort(), FreePort(), FreePort(), FreePort());

    private static int FreePort()
    {
        lock (Gate)
        {
            while (true)
            {
                if (_next == _end) ReserveBlock();
                using var probe = TryBind(_next++);
                if (probe is not null && IsFreeForDatagrams(_next - 1)) return _next - 1;
            }
        }
    }

    private static void ReserveBlock()
    {
        for (var attempt = 0; attempt < Blocks; attempt++)
        {
            var first = First + (Environment.ProcessId + attempt) % Blocks * BlockSize;
            if (TryBind(first) is not { } socket) continue;
            // Two sockets may be bound to one port as long as neither listens.
            socket.Listen();
            Reservations.Add(socket);
            (_next, _end) = (first + 1, first + BlockSize);
            return;
        }

        throw new InvalidOperationException($"no block of {BlockSize} ports is free from {First} on");
    }

    private static bool IsFreeForDatagrams(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Socket? TryBind(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return socket;
        }
        catch (SocketException)
        {
            // Somebody else's.
            socket.Dispose();
            return null;
        }
    }
}
