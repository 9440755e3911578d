using System.Net.Security;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>TLS of Tempo's own listeners, with dskit's keys; and what the receivers' TLS has in common with it.</summary>
internal static class TlsKeys
{
    private const string NotYet = "not available in this version";

    public static ConfigKey[] Server =>
    [
        .. Listener("server.http_tls_config", static o => o.HttpTls ??= new TlsOptions(), static o => o.HttpTls),
        .. Listener("server.grpc_tls_config", static o => o.GrpcTls ??= new TlsOptions(), static o => o.GrpcTls),

        // Of both listeners; they take it over when all has been read (Settle).
        new ConfigScalar("server.tls_min_version", static (o, text) => SetGoVersion(o.ServerTls, text),
            static o => GoText.Quote(o.ServerTls.MinVersion == "1.3" ? "VersionTLS13" : "VersionTLS12")),
        new ConfigScalar("server.tls_cipher_suites",
            static (o, text) =>
                SetCipherSuites(o.ServerTls, text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
            static o => GoText.Quote(string.Join(',', o.ServerTls.CipherSuites))),
    ];

    /// <summary>
    /// Gives the listeners what the server says for all of them. A section whose keys are all empty, as in Tempo's reference, is none; so
    /// it is where variables are that were not set, which is why a warning is returned for each.
    /// </summary>
    public static IReadOnlyList<string> Settle(HostOptions options)
    {
        var warnings = new List<string>();
        (options.HttpTls, options.GrpcTls) = (Settled(options.HttpTls, "http"), Settled(options.GrpcTls, "grpc"));
        return warnings;

        TlsOptions? Settled(TlsOptions? tls, string port)
        {
            if (tls is null) return null;
            (tls.MinVersion, tls.CipherSuites) = (options.ServerTls.MinVersion, options.ServerTls.CipherSuites);
            if (!IsEmpty(tls)) return tls;
            warnings.Add($"server.{port}_tls_config has no effect: it names no certificate, the port speaks without TLS");
            return null;
        }
    }

    /// <summary>Null, or what is wrong with the names.</summary>
    public static string? SetCipherSuites(TlsOptions tls, IReadOnlyList<string> names)
    {
        var suites = new List<TlsCipherSuite>();
        foreach (var name in names)
        {
            // Go's names without the hash are older than those with it.
            if (!(Enum.TryParse<TlsCipherSuite>(name, out var suite) || Enum.TryParse(name + "_SHA256", out suite))
                || char.IsAsciiDigit(name[0]))
                return $"{GoText.Quote(name)} is not the name of a cipher suite";
            suites.Add(suite);
        }

        tls.CipherSuites = suites;
        return null;
    }

    /// <summary>What every section of TLS has: itself, and its files.</summary>
    /// <param name="at">Path of the section.</param>
    /// <param name="make">Its options, which are there from then on.</param>
    /// <param name="find">The same if they are there.</param>
    public static ConfigKey[] Section(string at, Func<HostOptions, TlsOptions> make, Func<HostOptions, TlsOptions?> find) =>
    [
        new ConfigSection(at, o => make(o)),
        Text(at + ".cert_file", (o, v) => make(o).CertFile = v,
            static _ => "") with { Render = o => find(o)?.CertFile is { } file ? QuoteYaml(file) : null },
        Text(at + ".key_file", (o, v) => make(o).KeyFile = v,
            static _ => "") with { Render = o => find(o)?.KeyFile is { } file ? QuoteYaml(file) : null },
        Text(at + ".client_ca_file", (o, v) => make(o).ClientCaFile = v,
            static _ => "") with { Render = o => find(o)?.ClientCaFile is { } file ? QuoteYaml(file) : null },
    ];

    public static string RenderCipherSuites(TlsOptions tls) => $"[{string.Join(", ", tls.CipherSuites)}]";

    /// <summary>A version as the collector writes it.</summary>
    public static ConfigScalar Version(string path, Action<HostOptions, string> set, Func<HostOptions, string?> get) =>
        new(path, (o, text) =>
        {
            if (text is not ("1.2" or "1.3")) return $"TLS {GoText.Quote(text)} is not available; 1.2 and 1.3 are";
            set(o, text);
            return null;
        }, o => get(o) is { Length: > 0 } version ? GoText.Quote(version) : null);

    // The section of Tempo's own listeners, whose keys are those of dskit.
    private static ConfigKey[] Listener(string at, Func<HostOptions, TlsOptions> make, Func<HostOptions, TlsOptions?> find) =>
    [
        .. Section(at, make, find),
        new ConfigScalar(at + ".client_auth_type", (o, text) => SetClientAuthentication(make(o), text), _ => null),
        new ConfigRefused(at + ".cert", NotYet),
        new ConfigRefused(at + ".key", NotYet),
        new ConfigRefused(at + ".client_ca", NotYet),
    ];

    // RequestClientCert and RequireAnyClientCert trust what nobody has verified: refused rather than taken for less.
    private static string? SetClientAuthentication(TlsOptions tls, string text)
    {
        ClientAuthentication? kind = text switch
        {
            "" => ClientAuthentication.ByRoots,
            "NoClientCert" => ClientAuthentication.None,
            "VerifyClientCertIfGiven" => ClientAuthentication.VerifyIfGiven,
            "RequireAndVerifyClientCert" => ClientAuthentication.RequireAndVerify,
            _ => null,
        };
        if (kind is null)
            return $"{GoText.Quote(text)} is not available; NoClientCert, VerifyClientCertIfGiven and RequireAndVerifyClientCert are";
        tls.ClientAuthentication = kind.Value;
        return null;
    }

    private static bool IsEmpty(TlsOptions tls) =>
        tls is { CertFile: "", KeyFile: "", ClientCaFile: "", ClientAuthentication: ClientAuthentication.ByRoots };

    private static string? SetGoVersion(TlsOptions tls, string text)
    {
        if (text is not ("" or "VersionTLS12" or "VersionTLS13"))
            return $"{GoText.Quote(text)} is not available; VersionTLS12 and VersionTLS13 are";
        tls.MinVersion = text == "VersionTLS13" ? "1.3" : "1.2";
        return null;
    }
}
