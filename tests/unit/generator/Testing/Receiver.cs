using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tempo.Generator.Tests.Testing;

/// <summary>
/// A remote write receiver on a socket, so that it can answer with what no HTTP server would: the answers are taken from a
/// list, one a request, and then are 204.
/// </summary>
internal sealed class Receiver : IDisposable
{
    public const string Accept = "HTTP/1.1 204 No Content\r\n\r\n";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();

    public Receiver()
    {
        _listener.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/api/v1/write");
        _ = AcceptAsync();
    }

    public Uri Url { get; }

    /// <summary>Raw answers. One that ends in "…" is sent on and on.</summary>
    public ConcurrentQueue<string> Answers { get; } = new();

    /// <summary>Head and body of each request.</summary>
    public ConcurrentQueue<(string Head, byte[] Body)> Requests { get; } = new();

    public IEnumerable<WrittenSeries> Series => Requests.SelectMany(static request => WriteRequestReader.ReadBlock(request.Body));

    public static string Answer(int status, string headers = "", string body = "") =>
        $"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}";

    public async Task HasAsync(int requests)
    {
        for (var i = 0; Requests.Count < requests; i++)
        {
            Assert.True(i < 3000, $"{Requests.Count} of {requests} requests came");
            await Task.Delay(10);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptSocketAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true);
            while (await ReadRequestAsync(stream) is { } request)
            {
                if (!Answers.TryDequeue(out var answer)) answer = Accept;
                Requests.Enqueue(request);
                await stream.WriteAsync(Encoding.Latin1.GetBytes(answer.TrimEnd('…')));
                while (answer.EndsWith('…')) await stream.WriteAsync(new byte[4096], _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The sender had enough.
        }
    }

    private static async Task<(string Head, byte[] Body)?> ReadRequestAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0) return null;
            head.Append((char)one[0]);
        }

        var length =
            head.ToString().Split("\r\n").Single(static line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        var body = new byte[int.Parse(length.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body);
        return (head.ToString(), body);
    }
}
