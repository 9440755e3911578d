using System.Net;
using System.Net.Security;
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
            var (status, actual, name) = await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces", ExportRequest.Encode(spans), OtlpHttpClient.Protobuf, version, known);
            Assert.Equal((200, version, "CN=server"), (status, actual, name));
            Assert.Equal(2, (await tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);

            foreach (var wrong in new[] { null, stranger })
                await Assert.ThrowsAnyAsync<HttpRequestException>(() => PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces", [], OtlpHttpClient.Protobuf, version, wrong));
        }

        // Neither does a client without TLS get in, nor does its attempt hurt.
        using var plain = new OtlpHttpClient($"http://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => plain.PostAsync([]));
        Assert.Equal(200, (await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.OtlpHttp}/v1/traces", [], OtlpHttpClient.Protobuf, HttpVersion.Version20, known)).Status);
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
            var answer = await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.Zipkin}/", Encoding.UTF8.GetBytes("[]"), OtlpHttpClient.Json, HttpVersion.Version11, null);
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
                return (await PostAsync(certificates, $"https://127.0.0.1:{tempo.Ports.Zipkin}/", Encoding.UTF8.GetBytes("[]"), OtlpHttpClient.Json, HttpVersion.Version11, client)).Status == 202;
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
        yaml = yaml.Replace($"  grpc_listen_port: {tempo.Ports.ApiGrpc}", $"  grpc_listen_port: {tempo.Ports.ApiGrpc}\n  grpc_tls_config: {tls}", StringComparison.Ordinal)
            .Replace($"endpoint: \"127.0.0.1:{tempo.Ports.OtlpGrpc}\"", $"endpoint: \"127.0.0.1:{tempo.Ports.OtlpGrpc}\"\n          tls: {tls}", StringComparison.Ordinal);
        await File.WriteAllTextAsync(tempo.ConfigFile, yaml);
        await tempo.StartAsync();
        GrpcClient Client(int port) => new($"https://127.0.0.1:{port}", new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificates.HasSigned((X509Certificate2)certificate!) },
        });
        using var sender = Client(tempo.Ports.OtlpGrpc);
        using var asker = Client(tempo.Ports.ApiGrpc);
        var spans = Spans.NewTrace(2, "over TLS");
        Assert.Equal(GrpcAnswer.Ok, (await sender.ExportAsync(ExportRequest.Encode(spans))).Status);
        var found = await asker.CallAsync(GrpcClient.Frame(new ProtobufMessage().String(8, "{ name = \"over TLS\" }").ToArray()), "/tempopb.StreamingQuerier/Search");
        Assert.Equal(GrpcAnswer.Ok, found.Status);
        Assert.Contains(spans[0].TraceId, found.Messages.Select(static message => Encoding.UTF8.GetString(message)).Aggregate(string.Concat), StringComparison.Ordinal);

        // Without TLS neither port says a word.
        foreach (var port in (int[])[tempo.Ports.OtlpGrpc, tempo.Ports.ApiGrpc])
        {
            using var plain = new GrpcClient($"http://127.0.0.1:{port}");
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => plain.ExportAsync([]));
        }
    }

    private static async Task<(int Status, Version Version, string ServerName)> PostAsync(TestCertificates certificates, string url, byte[] body, string contentType, Version version, X509Certificate2? client)
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
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        using var response = await http.SendAsync(request);
        return ((int)response.StatusCode, response.Version, server);
    }
}
