using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tempo.Host.Startup;

/// <summary>Is a client's certificate one of those that are let in?</summary>
internal static class ClientCertificate
{
    /// <summary>True; or it throws, because the exception is what the log can say of it.</summary>
    /// <param name="client">What the client showed.</param>
    /// <param name="sent">What it sent beside it: certificates that lead to its root. Believed only as far as the roots do.</param>
    /// <param name="roots">Who may sign. One that somebody else has signed counts as well: whoever names an issuing authority need not have
    /// its root.</param>
    /// <exception cref="AuthenticationException">None of the roots has signed it, or it is not (or no longer) meant for
    /// clients.</exception>
    public static bool Verify(X509Certificate2 client, X509Certificate2Collection? sent, X509Certificate2Collection roots)
    {
        const string clientAuthentication = "1.3.6.1.5.5.7.3.2";
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(clientAuthentication));
        if (chain.Build(client) || EndsAtAnIssuer(chain, roots)) return true;
        throw new AuthenticationException(
            $"The client's certificate {client.Subject} is refused: {string.Join(' ', chain.ChainStatus.Select(static s => s.StatusInformation.Trim()).Distinct())}");
    }

    // The library trusts what has signed itself alone, and calls all other chains unfinished. Nothing else may be wrong with it; of the
    // last of such a chain it does not look at the dates.
    private static bool EndsAtAnIssuer(X509Chain chain, X509Certificate2Collection roots) =>
        chain.ChainStatus.All(static s => s.Status == X509ChainStatusFlags.PartialChain)
        && chain.ChainElements.Any(
            element => IsValidNow(element.Certificate, chain.ChainPolicy.VerificationTime)
                && roots.Any(root => root.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)));

    private static bool IsValidNow(X509Certificate2 certificate, DateTime now) =>
        certificate.NotBefore <= now && now <= certificate.NotAfter;
}
