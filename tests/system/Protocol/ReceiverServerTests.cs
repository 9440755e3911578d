using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>What the collector's syntax says of a receiver's server, seen from a client.</summary>
public sealed class ReceiverServerTests
{
    private const string Indent = "\n          ";

    [Fact]
    public async Task Headers_path_encodings_and_connections_are_those_of_the_configuration()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            OtlpHttpMore = $"{Indent}response_headers: {{X-Served-By: tempo, Cache-Control: no-store}}{Indent}traces_url_path: /otlp/traces{Indent}compression_algorithms: [gzip]"
                + $"{Indent}keep_alives_enabled: false{Indent}cors: {{allowed_origins: [\"https://a.example\"], exposed_headers: [X-Served-By]}}",
        });
        using var http = new HttpClient();
        var url = tempo.OtlpHttpUrl.Replace("/v1/traces", "/otlp/traces", StringComparison.Ordinal);
        async Task<HttpResponseMessage> PostAsync(string to, byte[] body, string? encoding = null, Version? version = null)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Post, to)
            { Version = version ?? HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", OtlpHttpClient.Protobuf);
            if (encoding is not null) request.Content.Headers.ContentEncoding.Add(encoding);
            request.Headers.Add("Origin", "https://a.example");
            return await http.SendAsync(request);
        }

        var spans = Spans.NewTrace(2);
        using (var taken = await PostAsync(url, ExportRequest.Encode(spans)))
        {
            Assert.Equal((HttpStatusCode.OK, true), (taken.StatusCode, taken.Headers.ConnectionClose));
            Assert.Equal(("tempo", "X-Served-By"), (taken.Headers.GetValues("X-Served-By").Single(),
                taken.Headers.GetValues("Access-Control-Expose-Headers").Single()));
            Assert.Equal(2, (await tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);
        }

        using (var elsewhere = await PostAsync(tempo.OtlpHttpUrl, []))
            Assert.Equal((HttpStatusCode.NotFound, "tempo"), (elsewhere.StatusCode, elsewhere.Headers.GetValues("X-Served-By").Single()));
        using (var gzip = await PostAsync(url, GrpcClient.Gzip(ExportRequest.Encode(Spans.NewTrace())), "gzip", HttpVersion.Version20))
            Assert.Equal((HttpStatusCode.OK, null), (gzip.StatusCode, gzip.Headers.ConnectionClose));
        using var zlib = new MemoryStream();
        await using (var stream = new ZLibStream(zlib, CompressionLevel.Fastest, leaveOpen: true))
            await stream.WriteAsync(ExportRequest.Encode(Spans.NewTrace()));
        using var deflate = await PostAsync(url, zlib.ToArray(), "deflate");
        Assert.Equal(HttpStatusCode.BadRequest, deflate.StatusCode);
        Assert.Contains("unsupported Content-Encoding: deflate", Encoding.UTF8.GetString(await deflate.Content.ReadAsByteArrayAsync()),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_idle_connection_and_a_head_that_does_not_come_are_ended()
    {
        await using var tempo =
            await TempoProcess.StartAsync(new TempoSettings { OtlpHttpMore = $"{Indent}idle_timeout: 1s{Indent}read_header_timeout: 1s" });
        foreach (var said in new[] { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /v1/traces HTTP/1.1\r\nHost: x\r\n" })
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, tempo.Ports.OtlpHttp);
            await socket.SendAsync(Encoding.ASCII.GetBytes(said));
            var buffer = new byte[4096];

            // Ends by itself, long before the server's own 130 s and 30 s.
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(25));
            while (await socket.ReceiveAsync(buffer, SocketFlags.None, patience.Token) > 0)
            {
            }
        }
    }

    [Fact]
    public async Task An_old_grpc_connection_is_told_to_go_and_no_call_fails()
    {
        await using var tempo = TempoProcess.Prepare();
        var yaml = await File.ReadAllTextAsync(tempo.ConfigFile);
        var endpoint = $"endpoint: \"127.0.0.1:{tempo.Ports.OtlpGrpc}\"";
        await File.WriteAllTextAsync(tempo.ConfigFile,
            yaml.Replace(endpoint, $"{endpoint}{Indent}keepalive: {{server_parameters: {{max_connection_age: 300ms, time: 10s}}}}{Indent}max_concurrent_streams: 7", StringComparison.Ordinal));
        await tempo.StartAsync();
        var connections = 0;
        using var grpc = new GrpcClient(tempo.OtlpGrpcUrl, new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellation) =>
            {
                Interlocked.Increment(ref connections);
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        await Eventually.HoldsAsync("a second connection was made", async () =>
        {
            Assert.Equal(GrpcAnswer.Ok, (await grpc.CallAsync(GrpcClient.Frame(ExportRequest.Encode(Spans.NewTrace())))).Status);
            return connections > 1;
        });
    }
}
