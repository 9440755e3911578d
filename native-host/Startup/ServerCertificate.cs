using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;

namespace Tempo.Host.Startup;

/// <summary>
/// The TLS settings of a listener, from PEM files that are looked at again when clients connect, at most once an interval. Files
/// that have changed and cannot be used leave the last good ones in use, with a line in the log. Thread safe.
/// </summary>
internal sealed class ServerCertificate
{
    private readonly TlsOptions _options;
    private readonly List<SslApplicationProtocol> _protocols;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private volatile SslServerAuthenticationOptions _current;
    private string _stamp;
    private long _lookedAt;

    private ServerCertificate(TlsOptions options, bool isHttp2Only, Log log, TimeProvider time)
    {
        (_options, _log, _time) = (options, log, time);
        _protocols = isHttp2Only ? [SslApplicationProtocol.Http2] : [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        _stamp = Stamp();
        _lookedAt = time.GetTimestamp();
        _current = Load();
    }

    /// <summary>Null without TLS.</summary>
    /// <exception cref="ListenException">The files cannot be used.</exception>
    public static ServerCertificate? Open(string name, TlsOptions? options, bool isHttp2Only, Log log, TimeProvider time)
    {
        if (options is null) return null;
        if (options.CertFile.Length == 0 || options.KeyFile.Length == 0) throw new ListenException($"{name}: TLS needs cert_file and key_file");
        try
        {
            return new ServerCertificate(options, isHttp2Only, log, time);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ListenException($"{name}: TLS with {options.CertFile} and {options.KeyFile}: {e.Message}");
        }
    }

    /// <summary>What to offer the next client.</summary>
    public SslServerAuthenticationOptions Current()
    {
        if (_time.GetElapsedTime(Interlocked.Read(ref _lookedAt)) < _options.ReloadInterval || !_lock.TryEnter()) return _current;
        try
        {
            Interlocked.Exchange(ref _lookedAt, _time.GetTimestamp());
            var stamp = Stamp();
            if (stamp == _stamp) return _current;
            _stamp = stamp;
            _current = Load();
            _log.Info("certificate read again", ("file", _options.CertFile));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            _log.Error("certificate cannot be read again, the last one stays", ("file", _options.CertFile), ("err", e.Message));
        }
        finally
        {
            _lock.Exit();
        }

        return _current;
    }

    private string Stamp() => string.Join('|', new[] { _options.CertFile, _options.KeyFile, _options.ClientCaFile }
        .Where(static file => file.Length > 0).Select(static file => new FileInfo(file)).Select(static file => file.Exists ? $"{file.LastWriteTimeUtc.Ticks}:{file.Length}" : "-"));

    private SslServerAuthenticationOptions Load()
    {
        var certificate = X509Certificate2.CreateFromPemFile(_options.CertFile, _options.KeyFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_options.CertFile);
        var roots = new X509Certificate2Collection();
        if (_options.ClientCaFile.Length > 0)
        {
            roots.ImportFromPemFile(_options.ClientCaFile);
            if (roots.Count == 0) throw new CryptographicException($"{_options.ClientCaFile} holds no certificate");
        }

        var asked = _options.ClientAuthentication == ClientAuthentication.ByRoots
            ? roots.Count > 0 ? ClientAuthentication.RequireAndVerify : ClientAuthentication.None
            : _options.ClientAuthentication;
        if (asked is not ClientAuthentication.None && roots.Count == 0) throw new CryptographicException("client certificates cannot be verified without client_ca_file");
        return new SslServerAuthenticationOptions
        {
            // Offline: the chain is what the file holds; nothing is fetched.
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            ApplicationProtocols = _protocols,
            EnabledSslProtocols = Versions(),
            ClientCertificateRequired = asked is not ClientAuthentication.None,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = (_, client, _, _) => asked switch
            {
                ClientAuthentication.None => true,
                ClientAuthentication.VerifyIfGiven when client is null => true,
                _ => client is X509Certificate2 given && IsVerified(given, roots),
            },
        };
    }

    private SslProtocols Versions() => (_options.MinVersion, _options.MaxVersion) switch
    {
        ("1.3", _) => SslProtocols.Tls13,
        (_, "1.2") => SslProtocols.Tls12,
        _ => SslProtocols.Tls12 | SslProtocols.Tls13,
    };

    private static bool IsVerified(X509Certificate2 client, X509Certificate2Collection roots)
    {
        const string clientAuthentication = "1.3.6.1.5.5.7.3.2";
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(clientAuthentication));
        return chain.Build(client);
    }
}
