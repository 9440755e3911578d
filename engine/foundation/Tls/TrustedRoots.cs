using System.Security.Cryptography.X509Certificates;

namespace Tempo.Engine.Foundation;

/// <summary>Trust in certificates that a file names, instead of those that the machine trusts.</summary>
public static class TrustedRoots
{
    /// <summary>
    /// Holds a server's chain against the roots of a PEM file, and against no list of revoked certificates. Throws what reading the file
    /// throws (<see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>,
    /// <see cref="System.Security.Cryptography.CryptographicException"/>).
    /// </summary>
    public static X509ChainPolicy PolicyOf(string pemFile)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(pemFile);
        return policy;
    }
}
