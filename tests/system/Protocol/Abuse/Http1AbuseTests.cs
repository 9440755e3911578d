using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Abuse;

/// <summary>
/// HTTP/1.1 as nobody ought to speak it, on the port of the API and on one of a receiver: an error of the sender's, the connection
/// closed where it can no longer be understood, and everybody else served.
/// </summary>
public sealed class Http1AbuseTests(SharedTempo shared)
{
    private const string Get = "GET /api/echo HTTP/1.1\r\nHost: x\r\n";
    private const string Post = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n";

    public static TheoryData<string, string, string> Requests => new()
    {
        { "two hosts", "GET /api/echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400" },
        { "no host", "GET /api/echo HTTP/1.1\r\n\r\n", "400" },
        { "a host that is none", "GET /api/echo HTTP/1.1\r\nHost: a/b\r\n\r\n", "400" },
        { "absolute form of another host", "GET http://other/api/echo HTTP/1.1\r\nHost: x\r\n\r\n", "400" },
        { "no version", "GET /api/echo\r\n\r\n", "505" },
        { "version 9", "GET /api/echo HTTP/9.9\r\nHost: x\r\n\r\n", "505" },
        { "a method with a blank", "GE T /api/echo HTTP/1.1\r\nHost: x\r\n\r\n", "400" },
        { "NUL in the path", "GET /api/\0echo HTTP/1.1\r\nHost: x\r\n\r\n", "400" },
        { "a blank before the colon", Get + "A : b\r\n\r\n", "400" },
        { "a folded header", Get + "A: b\r\n c\r\n\r\n", "400" },
        { "1,001 headers", Get + string.Concat(Enumerable.Range(0, 1001).Select(static i => $"h{i}: x\r\n")) + "\r\n", "431" },
        { "a header of 600 KiB", Get + "A: " + new string('a', 600 << 10) + "\r\n\r\n", "431" },
        { "a request line of 600 KiB", $"GET /api/search?q={new string('a', 600 << 10)} HTTP/1.1\r\nHost: x\r\n\r\n", "414" },
        { "both framings", Post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
        { "two lengths", Post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400" },
        { "an unknown framing", Post + "Transfer-Encoding: gzip, x\r\n\r\n", "400" },
        { "a chunk that ends in LF", Post + "Transfer-Encoding: chunked\r\n\r\n2;a\nxx\r\n0\r\n\r\n", "400" },
        { "a chunk of 2^68 bytes", Post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", "400" },
        { "a chunk that is longer than it says", Post + "Transfer-Encoding: chunked\r\n\r\n1\r\nxxxx\r\n0\r\n\r\n", "400" },
        { "a length beyond the limit", Post + "Content-Length: 9999999999\r\n\r\n", "413" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Is_refused_on_every_port(string what, string request, string status)
    {
        foreach (var port in (int[])[shared.Tempo.Ports.Api, shared.Tempo.Ports.OtlpHttp])
        {
            // What only one of the two ports reads: a body, or a URL of that length.
            if (port == shared.Tempo.Ports.Api && request.StartsWith("POST", StringComparison.Ordinal) && status == "400"
                && what.StartsWith("a chunk", StringComparison.Ordinal))
                continue;
            if (port == shared.Tempo.Ports.Api && status == "413") continue;
            var line = await StatusLineAsync(port, request);
            Assert.True(line.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), $"{what} on port {port}: {line}");
        }

        Assert.Equal(200, (await shared.Tempo.Api.AskAsync("/api/echo")).Status);
    }

    [Fact]
    public async Task Ten_thousand_pipelined_requests_are_answered_in_order()
    {
        const int count = 10_000;
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", shared.Tempo.Ports.Api);
        using var stream = new NetworkStream(socket);
        var sending = stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                string.Concat(Enumerable.Repeat("GET /api/echo HTTP/1.1\r\nHost: x\r\n\r\n", count - 1))
                    + "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).AsTask();
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var answers = new List<string>();
        while (await reader.ReadLineAsync() is { } line)
            if (line.StartsWith("HTTP/1.1 ", StringComparison.Ordinal)) answers.Add(line[9..12]);
        await sending;
        Assert.Equal(Enumerable.Repeat("200", count - 1).Append("404"), answers);
    }

    [Fact]
    public async Task Who_announces_a_body_and_sends_none_keeps_nobody_from_sending()
    {
        var silent = new List<Socket>();
        for (var i = 0; i < 200; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            silent.Add(socket);
            await socket.ConnectAsync("127.0.0.1", shared.Tempo.Ports.OtlpHttp);
            await socket.SendAsync(
                Encoding.ASCII.GetBytes(i % 2 == 0 ? Post + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n" : "POST /v1/tra"));
        }

        using var otlp = new OtlpHttpClient(shared.Tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
        foreach (var socket in silent) socket.Dispose();
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
    }

    private static async Task<string> StatusLineAsync(int port, string request)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        using var stream = new NetworkStream(socket);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));

        // The server may have answered and closed before everything was sent.
        var sending = SendAsync();
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var line = await reader.ReadLineAsync(patience.Token) ?? "closed without an answer";
        await sending;
        return line;

        async Task SendAsync()
        {
            try
            {
                await stream.WriteAsync(Encoding.Latin1.GetBytes(request), patience.Token);
            }
            catch (IOException)
            {
                // The answer says why.
            }
        }
    }
}
