using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tempo.Testing;

/// <summary>Somebody who signs certificates: a root of its own, or whom another one has signed.</summary>
public sealed class TestAuthority : IDisposable
{
    public const string ForClients = "1.3.6.1.5.5.7.3.2", ForServers = "1.3.6.1.5.5.7.3.1";

    public TestAuthority(string name, TestAuthority? by = null, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(by is null ? -4 : -3), until ?? DateTimeOffset.UtcNow.AddDays(by is null ? 4 : 3));
        using var signed =
            by is null ? request.CreateSelfSigned(from, to) : request.Create(by.Certificate, from, to, RandomNumberGenerator.GetBytes(12));
        Certificate = by is null
            ? X509CertificateLoader.LoadPkcs12(signed.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable)
            : signed.CopyWithPrivateKey(key);
    }

    /// <summary>Its own, with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>A certificate with its key, which can be exported.</summary>
    /// <param name="name">Whose.</param>
    /// <param name="purpose"><see cref="ForClients"/> or <see cref="ForServers"/>.</param>
    /// <param name="hosts">Names and addresses that it holds for.</param>
    /// <param name="until">When it ends; as a rule in two days.</param>
    public X509Certificate2 Sign(string name, string purpose, string[]? hosts = null, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        if (hosts is not null) request.CertificateExtensions.Add(NamesOf(hosts));
        // Not by the certificate itself, for which nobody signs whose time is over.
        var signature = X509SignatureGenerator.CreateForECDsa(Certificate.GetECDsaPrivateKey()!);
        using var signed = request.Create(Certificate.SubjectName, signature, DateTimeOffset.UtcNow.AddDays(-2),
            until ?? DateTimeOffset.UtcNow.AddDays(2), RandomNumberGenerator.GetBytes(12));
        return signed.CopyWithPrivateKey(key);
    }

    /// <summary>Writes a certificate and its key, as PEM.</summary>
    public static void Write(X509Certificate2 certificate, string certFile, string keyFile)
    {
        File.WriteAllText(keyFile, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(certFile, certificate.ExportCertificatePem());
    }

    public void Dispose() => Certificate.Dispose();

    private static X509Extension NamesOf(string[] hosts)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address)) names.AddIpAddress(address);
            else names.AddDnsName(host);
        }

        return names.Build();
    }
}
