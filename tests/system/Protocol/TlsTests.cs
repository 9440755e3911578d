using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>TLS of a receiver: over both versions of HTTP, with certificates of clients, and with a certificate that changes.</summary>
public sealed class TlsTests
{
    private const string Indent = "\n          ";

    [Fact]
    public async Task Clients_must_show_a_certificate_of_the_root()
    {
        using var certificates = new TestCertificates();
        using var strangers = new TestCertificates("another root");
        certificates.WriteServer("server");
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            OtlpHttpMore = $"{Indent}tls: {{cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}, client_ca_file: {certificates.RootFile}}}",
        });
        using var known = certificates.NewClient("known");
        using var stranger = strangers.NewClient("stranger");
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            var spans = Spans.NewTrace(2);
            var (status, actual, name) = await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces",
                ExportRequest.Encode(spans), OtlpHttpClient.Protobuf, version, known);
            Assert.Equal((200, version, "CN=server"), (status, actual, name));
            Assert.Equal(2, (await tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);

            foreach (var wrong in new[] { null, stranger })
                await Assert.ThrowsAnyAsync<HttpRequestException>(
                    () => PostAsync(
                        certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces", [], OtlpHttpClient.Protobuf, version, wrong));
        }

        // Neither does a client without TLS get in, nor does its attempt hurt.
        using var plain = new OtlpHttpClient($"http://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => plain.PostAsync([]));
        Assert.Equal(200, (await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces", [], OtlpHttpClient.Protobuf,
            HttpVersion.Version20, known)).Status);
    }

    [Fact]
    public async Task A_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not()
    {
        using var certificates = new TestCertificates();
        certificates.WriteServer("first");
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            ZipkinMore = $"\n      tls: {{cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}, reload_interval: 10ms}}",
        });
        async Task<string> NameAsync()
        {
            var answer = await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.Zipkin}/", Encoding.UTF8.GetBytes("[]"),
                OtlpHttpClient.Json, HttpVersion.Version11, null);
            Assert.Equal(202, answer.Status);
            return answer.ServerName;
        }

        Assert.Equal("CN=first", await NameAsync());
        certificates.WriteServer("second");
        await Eventually.HoldsAsync("the new certificate is shown", async () => await NameAsync() == "CN=second");
        await File.WriteAllTextAsync(certificates.CertFile, "broken");
        await Eventually.HoldsAsync("the server has seen the broken file", async () =>
        {
            Assert.Equal("CN=second", await NameAsync());
            return tempo.Log.Contains("certificate cannot be read again", StringComparison.Ordinal);
        });
        certificates.WriteServer("third");
        await Eventually.HoldsAsync("the next good one is shown", async () => await NameAsync() == "CN=third");
    }

    /// <summary>Receivers say how often their files are looked at; the server's own ports do so every ten seconds.</summary>
    [Fact]
    public async Task Each_listener_shows_a_new_certificate_without_a_restart()
    {
        using var certificates = new TestCertificates();
        certificates.WriteServer("first");
        await using var tempo = TempoProcess.Prepare();
        var files = $"cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}";
        var yaml = await File.ReadAllTextAsync(tempo.ConfigFile);
        foreach (var (port, key) in new[] { (tempo.Ports.Api, "http"), (tempo.Ports.ApiGrpc, "grpc") })
            yaml = yaml.Replace(
                $"  {key}_listen_port: {port}", $"  {key}_listen_port: {port}\n  {key}_tls_config: {{{files}}}", StringComparison.Ordinal);
        int[] receivers = [tempo.Ports.OtlpGrpc, tempo.Ports.OtlpHttp, tempo.Ports.Zipkin, tempo.Ports.JaegerGrpc, tempo.Ports.JaegerHttp];
        yaml = string.Join('\n', yaml.Split('\n')
            .Select(line => Array.Exists(receivers, port => line.EndsWith($"endpoint: \"127.0.0.1:{port}\"", StringComparison.Ordinal))
                ? $"{line}\n{line[..line.IndexOf("endpoint", StringComparison.Ordinal)]}tls: {{{files}, reload_interval: 10ms}}"
                : line));
        await File.WriteAllTextAsync(tempo.ConfigFile, yaml);
        tempo.StartWithoutWaiting();
        int[] ports = [tempo.Ports.Api, tempo.Ports.ApiGrpc, .. receivers];

        foreach (var port in ports) await ShowsAsync(port, "CN=first");
        certificates.WriteServer("second");
        foreach (var port in ports) await ShowsAsync(port, "CN=second");
        Assert.Equal(0, await tempo.StopAsync());

        Task ShowsAsync(int port, string name) => Eventually.HoldsAsync($"port {port} shows {name}", async () =>
        {
            try
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, port);
                var shown = "";
                await using var tls = new SslStream(connection.GetStream(), leaveInnerStreamOpen: false,
                    (_, certificate, _, _) =>
                        certificates.HasSigned((X509Certificate2)certificate!) && (shown = certificate!.Subject).Length > 0);
                await tls.AuthenticateAsClientAsync("127.0.0.1");
                return shown == name;
            }
            catch (SocketException)
            {
                return false; // not up yet
            }
        });
    }

    [Fact]
    public async Task New_roots_of_clients_count_without_a_restart()
    {
        using var certificates = new TestCertificates();
        using var others = new TestCertificates("another root");
        certificates.WriteServer("server");
        var roots = Path.Combine(Path.GetDirectoryName(certificates.RootFile)!, "roots-of-clients.pem");
        File.Copy(certificates.RootFile, roots);
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            ZipkinMore = $"\n      tls: {{cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}, client_ca_file: {roots}, reload_interval: 10ms}}",
        });
        using var old = certificates.NewClient("old");
        using var next = others.NewClient("next");
        async Task<bool> IsLetInAsync(X509Certificate2 client)
        {
            try
            {
                return (await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.Zipkin}/", Encoding.UTF8.GetBytes("[]"),
                    OtlpHttpClient.Json, HttpVersion.Version11, client)).Status == 202;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }

        Assert.True(await IsLetInAsync(old));
        Assert.False(await IsLetInAsync(next));
        File.Copy(others.RootFile, roots, overwrite: true);
        await Eventually.HoldsAsync("clients of the new root are let in", () => IsLetInAsync(next));
        Assert.False(await IsLetInAsync(old));
    }

    [Fact]
    public async Task Grpc_of_receiver_and_queries_runs_over_TLS()
    {
        using var certificates = new TestCertificates();
        certificates.WriteServer("server");
        await using var tempo = TempoProcess.Prepare();
        var tls = $"{{cert_file: {certificates.CertFile}, key_file: {certificates.KeyFile}}}";
        var yaml = await File.ReadAllTextAsync(tempo.ConfigFile);
        yaml = yaml.Replace($"  grpc_listen_port: {tempo.Ports.ApiGrpc}",
            $"  grpc_listen_port: {tempo.Ports.ApiGrpc}\n  grpc_tls_config: {tls}", StringComparison.Ordinal)
            .Replace($"endpoint: \"127.0.0.1:{tempo.Ports.OtlpGrpc}\"",
                $"endpoint: \"127.0.0.1:{tempo.Ports.OtlpGrpc}\"\n          tls: {tls}", StringComparison.Ordinal);
        await File.WriteAllTextAsync(tempo.ConfigFile, yaml);
        await tempo.StartAsync();
        GrpcClient Client(int port) => new($"https://127.0.0.1:{port}", new SocketsHttpHandler
        {
            SslOptions =
                { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificates.HasSigned((X509Certificate2)certificate!) },
        });
        using var sender = Client(tempo.Ports.OtlpGrpc);
        using var asker = Client(tempo.Ports.ApiGrpc);
        var spans = Spans.NewTrace(2, "over TLS");
        Assert.Equal(GrpcAnswer.Ok, (await sender.ExportAsync(ExportRequest.Encode(spans))).Status);
        var found = await asker.CallAsync(
            GrpcClient.Frame(new ProtobufMessage().String(8, "{ name = \"over TLS\" }").ToArray()), "/tempopb.StreamingQuerier/Search");
        Assert.Equal(GrpcAnswer.Ok, found.Status);
        Assert.Contains(spans[0].TraceId, found.Messages.Select(static message => Encoding.UTF8.GetString(message))
            .Aggregate(string.Concat), StringComparison.Ordinal);

        // Without TLS neither port says a word.
        foreach (var port in (int[])[tempo.Ports.OtlpGrpc, tempo.Ports.ApiGrpc])
        {
            using var plain = new GrpcClient($"http://127.0.0.1:{port}");
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => plain.ExportAsync([]));
        }
    }

    private static async Task<(int Status, Version Version, string ServerName)> PostAsync(
        TestCertificates certificates, string url, byte[] body, string contentType, Version version, X509Certificate2? client)
    {
        var server = "";
        using var handler = new SocketsHttpHandler();
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = client is null ? null : [client],
            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            {
                server = certificate!.Subject;
                return certificates.HasSigned((X509Certificate2)certificate);
            },
        };
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(30) };
        using var request = new HttpRequestMessage(HttpMethod.Post,
            url)
        { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        using var response = await http.SendAsync(request);
        return ((int)response.StatusCode, response.Version, server);
    }
}
