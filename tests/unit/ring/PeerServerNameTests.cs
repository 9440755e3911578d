using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;
using Tempo.Testing;

namespace Tempo.Ring.Tests;

/// <summary>A peer at an address, with a certificate that has a name: a real handshake.</summary>
public sealed class PeerServerNameTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-peer-tls-").FullName;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public PeerServerNameTests() => _listener.Start();

    public void Dispose()
    {
        _listener.Stop();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("ring.internal", "ring.internal", true)]
    [InlineData("ring.internal", "another.internal", false)]
    [InlineData("ring.internal", "", false)]
    [InlineData("127.0.0.1", "", true)]
    public async Task The_certificate_is_asked_for_the_name_of_the_configuration_else_for_the_address(
        string certified, string configured, bool isTrusted)
    {
        var root = Path.Combine(_folder, "root.pem");
        using var authority = new TestAuthority("root");
        using var certificate = authority.Sign("node", TestAuthority.ForServers, [certified]);
        await File.WriteAllTextAsync(root, authority.Certificate.ExportCertificatePem());
        var handshake = AcceptAsync(certificate);
        using var transport = new PeerTransport(
            new PeerOptions { IsTls = true, CaPath = root, ServerName = configured, ConnectTimeout = TimeSpan.FromMinutes(1) },
            static () => new PeerGreeting("a", MemberState.Active, IsDrained: false));
        using var answer = new NativeBuffer();

        // The server ends after the handshake: there is no answer either way.
        var failure = await Assert.ThrowsAsync<PeerException>(
            async () => await transport.AskAsync(
                "b", $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}", PeerProtocol.Ping, null, answer, CancellationToken.None));
        var (isDone, asked) = await handshake;
        Assert.True(isDone == isTrusted, failure.Message);
        if (configured.Length > 0) Assert.Equal(configured, asked);
        if (!isTrusted) Assert.Contains("RemoteCertificateNameMismatch", failure.Message, StringComparison.Ordinal);
    }

    private async Task<(bool IsDone, string Asked)> AcceptAsync(X509Certificate2 certificate)
    {
        using var client = await _listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        var asked = "";
        try
        {
            await tls.AuthenticateAsServerAsync((_, hello, _, _) =>
            {
                asked = hello.ServerName;
                return new ValueTask<SslServerAuthenticationOptions>(
                    new SslServerAuthenticationOptions
                    {
                        ServerCertificate = certificate,
                        ApplicationProtocols = [SslApplicationProtocol.Http2]
                    });
            }, null);
            // A client that does not trust the certificate says so where the server reads next.
            return (await tls.ReadAsync(new byte[1]) > 0, asked);
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            return (false, asked);
        }
    }
}
