using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tempo.SystemTests.Server;

/// <summary>A root of the test's own and certificates it has signed, as PEM files in a folder.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-certificates-").FullName;
    private readonly X509Certificate2 _root;

    public TestCertificates(string rootName = "test root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={rootName}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(RootFile, _root.ExportCertificatePem());
    }

    public string RootFile => Path.Combine(_folder, "root.pem");

    public string CertFile => Path.Combine(_folder, "server.pem");

    public string KeyFile => Path.Combine(_folder, "server.key");

    public string ClientCertFile => Path.Combine(_folder, "client.pem");

    public string ClientKeyFile => Path.Combine(_folder, "client.key");

    /// <summary>Writes a certificate for a client into <see cref="ClientCertFile"/> and <see cref="ClientKeyFile"/>.</summary>
    public void WriteClient(string name)
    {
        var (certificate, key) = Sign(name, isClient: true);
        File.WriteAllText(ClientKeyFile, key);
        File.WriteAllText(ClientCertFile, certificate);
    }

    /// <summary>Writes a certificate for localhost into <see cref="CertFile"/> and <see cref="KeyFile"/>.</summary>
    public void WriteServer(string name)
    {
        var (certificate, key) = Sign(name, isClient: false);
        File.WriteAllText(KeyFile, key);
        File.WriteAllText(CertFile, certificate);
    }

    /// <summary>A certificate for a client, with its key.</summary>
    public X509Certificate2 NewClient(string name)
    {
        var (certificate, key) = Sign(name, isClient: true);
        using var pem = X509Certificate2.CreateFromPem(certificate, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>Is it one that this root has signed?</summary>
    public bool HasSigned(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    public void Dispose()
    {
        _root.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (string Certificate, string Key) Sign(string name, bool isClient)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(isClient ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.Create(_root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(10), RandomNumberGenerator.GetBytes(12));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
