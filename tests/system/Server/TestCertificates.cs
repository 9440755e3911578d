using System.Security.Cryptography.X509Certificates;
using Tempo.Testing;

namespace Tempo.SystemTests.Server;

/// <summary>A root of the test's own and certificates it has signed, as PEM files in a folder.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-certificates-").FullName;
    private readonly TestAuthority _root;

    public TestCertificates(string rootName = "test root")
    {
        _root = new TestAuthority(rootName);
        File.WriteAllText(RootFile, _root.Certificate.ExportCertificatePem());
    }

    public string RootFile => Path.Combine(_folder, "root.pem");

    public string CertFile => Path.Combine(_folder, "server.pem");

    public string KeyFile => Path.Combine(_folder, "server.key");

    public string ClientCertFile => Path.Combine(_folder, "client.pem");

    public string ClientKeyFile => Path.Combine(_folder, "client.key");

    /// <summary>Writes a certificate for a client into <see cref="ClientCertFile"/> and <see cref="ClientKeyFile"/>.</summary>
    public void WriteClient(string name)
    {
        using var certificate = NewClient(name);
        TestAuthority.Write(certificate, ClientCertFile, ClientKeyFile);
    }

    /// <summary>Writes a certificate for localhost into <see cref="CertFile"/> and <see cref="KeyFile"/>.</summary>
    public void WriteServer(string name)
    {
        using var certificate = _root.Sign(name, TestAuthority.ForServers, ["localhost", "127.0.0.1"]);
        TestAuthority.Write(certificate, CertFile, KeyFile);
    }

    /// <summary>A certificate for a client, with its key.</summary>
    public X509Certificate2 NewClient(string name) => _root.Sign(name, TestAuthority.ForClients);

    /// <summary>Is it one that this root has signed?</summary>
    public bool HasSigned(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_root.Certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    public void Dispose()
    {
        _root.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
