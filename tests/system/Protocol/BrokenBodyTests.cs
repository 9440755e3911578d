using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>Bodies that break HTTP's own framing.</summary>
public sealed class BrokenBodyTests(SharedTempo shared)
{
    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n")]
    [InlineData("Content-Length: -5\r\n\r\n")]
    public async Task Is_the_senders_error(string framingAndBody)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", shared.Tempo.Ports.OtlpHttp);
        var head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head + framingAndBody));

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 400 ", await reader.ReadLineAsync(patience.Token), StringComparison.Ordinal);
    }
}
