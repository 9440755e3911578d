using System.Net.Sockets;
using System.Text;

namespace Tempo.Host.Cli;

/// <summary>
/// <c>-health</c>: one GET of the /ready page of a running process. A dozen lines of HTTP/1.0 over a socket, because the
/// HTTP client stack would make this process start slower than the one it asks.
/// </summary>
internal static class HealthCheck
{
    private const int TimeoutMilliseconds = 5000;

    /// <summary>0 when the answer is 200; else 1, with the reason on standard error.</summary>
    public static int Run(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp)
            return Fail(url, "an http:// URL is expected");
        try
        {
            using var client = new TcpClient { SendTimeout = TimeoutMilliseconds, ReceiveTimeout = TimeoutMilliseconds };
            client.Connect(uri.Host, uri.Port);
            var stream = client.GetStream();
            stream.Write(Encoding.ASCII.GetBytes($"GET {uri.PathAndQuery} HTTP/1.0\r\nHost: {uri.Authority}\r\n\r\n"));
            var line = ReadLine(stream);
            if (line.Split(' ') is not [_, "200", ..]) return Fail(url, line);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return Fail(url, e.Message);
        }

        Console.Out.WriteLine("Tempo is healthy");
        return 0;
    }

    // Whatever sends it: no more than a status line.
    private static string ReadLine(NetworkStream stream)
    {
        Span<byte> line = stackalloc byte[256];
        var count = 0;
        while (count < line.Length && !line[..count].Contains((byte)'\n') && stream.Read(line[count..]) is > 0 and var more) count += more;
        var text = Encoding.ASCII.GetString(line[..count]);
        return text.Split('\r', '\n')[0];
    }

    private static int Fail(string url, string reason)
    {
        Console.Error.WriteLine($"Health check failed: Get \"{url}\": {reason}");
        return 1;
    }
}
