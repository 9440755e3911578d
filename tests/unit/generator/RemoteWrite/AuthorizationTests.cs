using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Generator.Tests.Testing;
using Tempo.Testing;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>How a sender says who it is: tokens that expire, signatures, certificates.</summary>
public sealed class AuthorizationTests : IDisposable
{
    private static readonly ReadOnlyMemory<byte> Block = new byte[] { 0 };
    private readonly Receiver _receiver = new();
    private readonly SteppedTime _time = new(1_440_938_160_000); // 2015-08-30T12:36:00Z

    public void Dispose() => _receiver.Dispose();

    private RemoteWriteTarget WithTokens => new()
    {
        Url = _receiver.Url,
        OAuth2 = new OAuth2Options("me", static () => "hunter:2",
            new Uri(_receiver.Url, "/token"))
        { Scopes = ["a", "b"], EndpointParameters = [new("audience", "x y")] },
    };

    private static string Token(string token, string more = "") =>
        Receiver.Answer(200, "", $$"""{"access_token":"{{token}}","token_type":"bearer"{{more}}}""");

    [Fact]
    public async Task A_token_is_asked_for_once_and_renewed_before_it_expires()
    {
        using var client = new RemoteWriteClient(WithTokens, _time);
        _receiver.Answers.Enqueue(Token("first", ",\"expires_in\":60"));
        foreach (var answer in new[] { Receiver.Accept, Receiver.Accept, Token("second"), Receiver.Accept })
            _receiver.Answers.Enqueue(answer);
        for (var i = 0; i < 2; i++) Assert.Equal(SendStatus.Accepted, (await client.SendAsync(Block, false, [], default)).Status);
        _time.Advance(TimeSpan.FromSeconds(51));
        Assert.Equal(SendStatus.Accepted, (await client.SendAsync(Block, false, [], default)).Status);
        var requests = _receiver.Requests.ToArray();
        Assert.Equal(5, requests.Length);
        Assert.Contains("POST /token ", requests[0].Head, StringComparison.Ordinal);
        Assert.Contains("Authorization: Basic " + Convert.ToBase64String("me:hunter%3A2"u8), requests[0].Head, StringComparison.Ordinal);
        Assert.Equal("grant_type=client_credentials&scope=a+b&audience=x+y", Encoding.UTF8.GetString(requests[0].Body));
        Assert.All(
            requests[1..3], static request => Assert.Contains("Authorization: Bearer first\r\n", request.Head, StringComparison.Ordinal));
        Assert.Contains("Authorization: Bearer second\r\n", requests[4].Head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_is_not_taken_any_more_is_forgotten()
    {
        using var client = new RemoteWriteClient(WithTokens, _time);
        foreach (var answer in new[] { Token("first"), Receiver.Answer(401, "", "gone"), Token("second"), Receiver.Accept })
            _receiver.Answers.Enqueue(answer);
        Assert.Equal((SendStatus.Retry, "401 gone"),
            await client.SendAsync(Block, false, [], default) is var refused ? (refused.Status, refused.Message) : default);
        Assert.Equal(SendStatus.Accepted, (await client.SendAsync(Block, false, [], default)).Status);
        Assert.Contains("Bearer second", _receiver.Requests.Last().Head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", "oauth2: no token, 500 no")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "oauth2: an answer that is no token")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "oauth2: an answer that is no token")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"access_token\":\"a\\r\\nb: c\"}  ",
        "oauth2: an answer without a usable access_token")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n…", "oauth2: an answer of more than 65536 bytes")]
    public async Task Without_a_token_it_is_tried_again_later(string answer, string expected)
    {
        using var client = new RemoteWriteClient(WithTokens, _time);
        _receiver.Answers.Enqueue(answer);
        var result = await client.SendAsync(Block, false, [], default);
        Assert.Equal(SendStatus.Retry, result.Status);
        Assert.StartsWith(expected, result.Message, StringComparison.Ordinal);
    }

    // The example of AWS' documentation, whose signature is known.
    [Fact]
    public void A_signature_is_that_of_the_documentation()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08");
        RequestSigner.Sign(request, [], new SigV4Options("us-east-1",
            static () => ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""))
        { Service = "iam" }, _time.GetUtcNow());

        // That example also signs its content type; the header as it stands there.
        var header = Assert.Single(request.Headers.GetValues("Authorization"));
        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=", header, StringComparison.Ordinal);
        Assert.Equal("20150830T123600Z", Assert.Single(request.Headers.GetValues("X-Amz-Date")));
        Assert.Equal(Expected("GET", "/", "Action=ListUsers&Version=2010-05-08", "host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n",
            "host;x-amz-date", "iam"), header[^64..]);
    }

    [Fact]
    public async Task Requests_are_signed_with_their_body_and_token()
    {
        var target =
            new RemoteWriteTarget { Url = _receiver.Url, SigV4 = new SigV4Options("eu-west-1", static () => ("AK", "SK", "session")) };
        using var client = new RemoteWriteClient(target, _time);
        Assert.Equal(SendStatus.Accepted, (await client.SendAsync(Block, false, [], default)).Status);
        var head = _receiver.Requests.Single().Head;
        Assert.Contains("Credential=AK/20150830/eu-west-1/aps/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=",
            head, StringComparison.Ordinal);
        Assert.Contains("X-Amz-Security-Token: session", head, StringComparison.Ordinal);
    }

    // A second way to the same signature, step by step.
    private static string Expected(string method, string path, string query, string headers, string names, string service)
    {
        var emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        var canonical = string.Join('\n', method, path, query, headers, names, emptyHash);
        var text = $"AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/{service}/aws4_request\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        foreach (var part in new[] { "20150830", "us-east-1", service, "aws4_request" })
        {
            using var hmac = new HMACSHA256(key);
            key = hmac.ComputeHash(Encoding.UTF8.GetBytes(part));
        }

        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public async Task A_receiver_with_TLS_is_known_by_its_root_and_knows_the_sender_by_its_certificate()
    {
        var folder = Directory.CreateTempSubdirectory("tempo-remote-write-").FullName;
        try
        {
            using var root = new TestAuthority("root");
            using var server = root.Sign("localhost", TestAuthority.ForServers, ["localhost"]);
            using var sender = root.Sign("sender", TestAuthority.ForClients);
            await File.WriteAllTextAsync(Path.Combine(folder, "root.pem"), root.Certificate.ExportCertificatePem());
            TestAuthority.Write(sender, Path.Combine(folder, "sender.pem"), Path.Combine(folder, "sender.key"));
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var url = new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
            var tls = new RemoteWriteTls(
                Path.Combine(folder, "root.pem"), Path.Combine(folder, "sender.pem"), Path.Combine(folder, "sender.key"), "localhost");
            foreach (var (settings, isAccepted) in new[] { (tls, true), (tls with { CertFile = "", KeyFile = "" }, false),
                (tls with { CaFile = "" }, false), (tls with { ServerName = "other" }, false),
                (tls with { CaFile = "", InsecureSkipVerify = true }, true) })
            {
                var serving = ServeAsync(listener, server, root.Certificate);
                using var client = new RemoteWriteClient(new RemoteWriteTarget { Url = url, Tls = settings }, TimeProvider.System);
                var result = await client.SendAsync(Block, false, [], default);
                Assert.True(result.Status == (isAccepted ? SendStatus.Accepted : SendStatus.Retry), $"{settings}: {result}");
                await serving;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ServeAsync(TcpListener listener, X509Certificate2 server, X509Certificate2 root)
    {
        using var socket = await listener.AcceptTcpClientAsync();
        await using var stream = new SslStream(socket.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = server,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback =
                    (_, certificate, _, _) => certificate is not null && certificate.Issuer == root.Subject,
            });
            var one = new byte[4096];
            while (await stream.ReadAsync(one) is > 0 and var read
                && !Encoding.ASCII.GetString(one, 0, read).Contains("\r\n\r\n", StringComparison.Ordinal))
            {
            }

            await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // One of the two did not trust the other.
        }
    }
}
