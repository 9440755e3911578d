using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Startup;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Startup;

/// <summary>Handshakes over a real socket: who is let in, and what is agreed on.</summary>
public sealed class ServerCertificateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-tls-").FullName;
    private readonly TestAuthority _root = new("root");
    private readonly TestAuthority _issuer;

    public ServerCertificateTests() => _issuer = new TestAuthority("issuer", _root);

    public void Dispose()
    {
        _root.Dispose();
        _issuer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // A client's own authority between it and the root: the client sends it along.
    [Fact]
    public async Task AChainThatTheClientSendsLeadsToTheRoot()
    {
        using var client = _issuer.Sign("client", TestAuthority.ForClients);
        Assert.Null(await RefusedAsync(_root, client, _issuer.Certificate));
        Assert.Contains("CN=client is refused: ", await RefusedAsync(_root, client), StringComparison.Ordinal);
    }

    // The file of roots may name the issuing authority alone, as Vault and cert-manager give it out.
    [Fact]
    public async Task AnIssuerThatAnotherHasSignedIsTrustedIfItIsNamed()
    {
        using var client = _issuer.Sign("client", TestAuthority.ForClients);
        Assert.Null(await RefusedAsync(_issuer, client));
        Assert.Null(await RefusedAsync(_issuer, client, _issuer.Certificate));

        using var ofRoot = _root.Sign("other", TestAuthority.ForClients);
        Assert.Contains("CN=other is refused: ", await RefusedAsync(_issuer, ofRoot), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatOnlyBearsTheIssuersNameIsRefused()
    {
        using var forger = new TestAuthority("issuer");
        using var forged = forger.Sign("client", TestAuthority.ForClients);
        Assert.NotNull(await RefusedAsync(_issuer, forged));
        Assert.NotNull(await RefusedAsync(_issuer, forged, _issuer.Certificate));
        Assert.NotNull(await RefusedAsync(_issuer, forged, forger.Certificate));
        Assert.NotNull(await RefusedAsync(_root, forged, _issuer.Certificate));
    }

    [Fact]
    public async Task TheLogSaysWhatIsWrong()
    {
        using var expired = _issuer.Sign("old", TestAuthority.ForClients, until: DateTimeOffset.UtcNow.AddDays(-1));
        using var ofServer = _issuer.Sign("server", TestAuthority.ForServers);
        foreach (var trusted in new[] { _root, _issuer })
        {
            Assert.Contains("CN=old is refused: ", await RefusedAsync(trusted, expired, _issuer.Certificate), StringComparison.Ordinal);
            Assert.Contains("CN=server is refused: ", await RefusedAsync(trusted, ofServer, _issuer.Certificate), StringComparison.Ordinal);
            Assert.Contains("listener=test", await RefusedAsync(trusted, null), StringComparison.Ordinal);
            Assert.Contains("The client shows no certificate.", await RefusedAsync(trusted, null), StringComparison.Ordinal);
        }
    }

    // Whoever names the issuer alone does not trust it for longer than it is valid: the library looks at the dates of roots only.
    [Fact]
    public async Task AnIssuerWhoseTimeIsOverIsNotTrustedForBeingNamed()
    {
        using var past = new TestAuthority("past issuer", _root, until: DateTimeOffset.UtcNow.AddDays(-1));
        using var client = past.Sign("client", TestAuthority.ForClients);
        Assert.Contains("CN=client is refused: ", await RefusedAsync(past, client), StringComparison.Ordinal);
    }

    // The library throws what it throws nowhere else before it asks us; nobody would have closed the connection, nor stopped counting it.
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task AnExtensionThatMakesNoSenseEndsItsConnectionAlone(SslProtocols version)
    {
        WriteServer();
        var roots = Path.Combine(_folder, "roots.pem");
        await File.WriteAllTextAsync(roots, _root.Certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        var certificate = ServerCertificate.Open(
            "test", new TlsOptions { CertFile = CertFile, KeyFile = KeyFile, ClientCaFile = roots }, false, Log.Null, TimeProvider.System);
        var address = new ListenAddress("127.0.0.1", LoopbackPort.Free());
        await using var listener = await Listener.StartAsync("test", address,
            new ListenerLimits(MaxBodyBytes: null, MaxRequestLineBytes: 8192, IsHttp2Only: false), static _ => Task.CompletedTask, Log.Null,
            certificate, null);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=spoilt", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension("2.5.29.32", [0x30, 0x05, 0x01], critical: false));
        using var spoilt = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var good = _root.Sign("client", TestAuthority.ForClients);
        Assert.False(await IsServedAsync(spoilt));
        Assert.True(await IsServedAsync(good));
        await listener.StopAsync(CancellationToken.None);

        // False: the connection ends without an answer.
        async Task<bool> IsServedAsync(X509Certificate2 client)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", address.Port);
            await using var tls = new SslStream(socket.GetStream());
            try
            {
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    EnabledSslProtocols = version,
                    ClientCertificateContext = SslStreamCertificateContext.Create(client, null, offline: true),
                    RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=localhost",
                });
                await tls.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
                return await tls.ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromMinutes(2)) == 1;
            }
            catch (Exception e) when (e is AuthenticationException or IOException)
            {
                return false;
            }
        }
    }

    [Theory]
    [InlineData("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")]
    [InlineData("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")]
    public async Task OneOfTheCipherSuitesIsAgreedOn(string name)
    {
        var tls = new TlsOptions();
        Assert.Null(TlsKeys.SetCipherSuites(tls, [name]));
        Assert.Equal((SslProtocols.Tls12, name), await AgreedAsync(tls, SslProtocols.Tls12));

        // As in Go, those of 1.3 are what they are.
        Assert.Equal(SslProtocols.Tls13, (await AgreedAsync(tls, SslProtocols.Tls12 | SslProtocols.Tls13)).Version);
    }

    [Fact]
    public void AMinimumAboveTheMaximumIsAnError()
    {
        WriteServer();
        var tls = new TlsOptions { CertFile = CertFile, KeyFile = KeyFile, MinVersion = "1.3", MaxVersion = "1.2" };
        var error = Assert.Throws<ListenException>(() => ServerCertificate.Open("test", tls, false, Log.Null, TimeProvider.System));
        Assert.Equal("test: TLS with min_version 1.3 above max_version 1.2", error.Message);
    }

    private string CertFile => Path.Combine(_folder, "server.pem");
    private string KeyFile => Path.Combine(_folder, "server.key");

    private void WriteServer()
    {
        using var server = _root.Sign("localhost", TestAuthority.ForServers);
        TestAuthority.Write(server, CertFile, KeyFile);
    }

    /// <summary>Null if the client is let in, else the line of the log.</summary>
    private async Task<string?> RefusedAsync(TestAuthority trusted, X509Certificate2? client, params X509Certificate2[] sent)
    {
        WriteServer();
        var roots = Path.Combine(_folder, "roots.pem");
        await File.WriteAllTextAsync(roots, trusted.Certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        using var lines = new MemoryStream();
        var log = new Log(lines, LogFormat.Logfmt, LogLevel.Info, TimeProvider.System);
        var server = ServerCertificate.Open(
            "test", new TlsOptions { CertFile = CertFile, KeyFile = KeyFile, ClientCaFile = roots }, false, log, TimeProvider.System)!;
        var reason = await HandshakeAsync(server, new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ClientCertificateContext = client is null ? null : SslStreamCertificateContext.Create(client, [.. sent], offline: true),
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=localhost",
        }, static _ => { });
        if (reason is not null) server.Refused(null, reason);
        return reason is null ? null : System.Text.Encoding.UTF8.GetString(lines.ToArray());
    }

    private async Task<(SslProtocols Version, string Suite)> AgreedAsync(TlsOptions tls, SslProtocols versions)
    {
        WriteServer();
        (tls.CertFile, tls.KeyFile) = (CertFile, KeyFile);
        (SslProtocols, string) agreed = default;
        var client = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = versions,
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=localhost"
        };
        var server = ServerCertificate.Open("test", tls, false, Log.Null, TimeProvider.System)!;
        Assert.Null(await HandshakeAsync(server, client, stream => agreed = (stream.SslProtocol, stream.NegotiatedCipherSuite.ToString())));
        return agreed;
    }

    // What the server's side threw.
    private static async Task<Exception?> HandshakeAsync(
        ServerCertificate certificate, SslClientAuthenticationOptions options, Action<SslStream> look)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var socket = new TcpClient();
        var connected = socket.ConnectAsync((IPEndPoint)listener.LocalEndpoint, TestContext.Current.CancellationToken);
        using var accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await connected;
        await using var client = new SslStream(socket.GetStream());
        await using var server = new SslStream(accepted.GetStream());
        var answered = client.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken);
        try
        {
            await server.AuthenticateAsServerAsync(certificate.Current(), TestContext.Current.CancellationToken);
            await answered;
            look(server);
            return null;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            accepted.Close();
            await Record.ExceptionAsync(() => answered);
            return e;
        }
    }
}
