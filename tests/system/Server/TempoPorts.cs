using System.Net;
using System.Net.Sockets;

namespace Tempo.SystemTests.Server;

/// <summary>The ports of one server. They lie below the range from which the kernel serves outgoing connections, so
/// that none of ours takes a port away between the look and the bind, or while the server is being restarted.</summary>
public sealed record TempoPorts(int Api, int OtlpGrpc, int OtlpHttp)
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static int _next = Environment.ProcessId % Count;

    public static TempoPorts Free() => new(FreePort(), FreePort(), FreePort());

    private static int FreePort()
    {
        while (true)
        {
            var port = First + ((Interlocked.Increment(ref _next) & int.MaxValue) % Count);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's; the next one.
            }
        }
    }
}
