using System.Net;
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
    private readonly string _name;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private volatile SslServerAuthenticationOptions _current;
    private string _stamp;
    private long _lookedAt;

    private ServerCertificate(string name, TlsOptions options, bool isHttp2Only, Log log, TimeProvider time)
    {
        (_name, _options, _log, _time) = (name, options, log, time);
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
        if (options.CertFile.Length == 0 || options.KeyFile.Length == 0)
            throw new ListenException($"{name}: TLS needs cert_file and key_file");
        if (options is { MinVersion: "1.3", MaxVersion: "1.2" })
            throw new ListenException($"{name}: TLS with min_version 1.3 above max_version 1.2");
        try
        {
            return new ServerCertificate(name, options, isHttp2Only, log, time);
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

    /// <summary>
    /// Writes down why a client did not get in. Where a client's certificate is not taken, nothing else says so: OpenSSL has ended the
    /// handshake by then, so that the client sees its connection end, without an alert.
    /// </summary>
    public void Refused(EndPoint? client, Exception reason) =>
        _log.Warn("TLS handshake failed", ("listener", _name), ("from", client), ("err", reason.GetBaseException().Message));

    private string Stamp() => string.Join('|', new[] { _options.CertFile, _options.KeyFile, _options.ClientCaFile }
        .Where(static file => file.Length > 0).Select(static file => new FileInfo(file))
            .Select(static file => file.Exists ? $"{file.LastWriteTimeUtc.Ticks}:{file.Length}" : "-"));

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
        if (asked is not ClientAuthentication.None && roots.Count == 0)
            throw new CryptographicException("client certificates cannot be verified without client_ca_file");
        return new SslServerAuthenticationOptions
        {
            // Offline: the chain is what the file holds; nothing is fetched.
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            ApplicationProtocols = _protocols,
            EnabledSslProtocols = Versions(),
            CipherSuitesPolicy = _options.CipherSuites.Count == 0 || OperatingSystem.IsWindows() || OperatingSystem.IsAndroid()
                ? null
                : new CipherSuitesPolicy([.. _options.CipherSuites, .. OfTls13]),
            ClientCertificateRequired = asked is not ClientAuthentication.None,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = (_, client, sent, _) => asked switch
            {
                ClientAuthentication.None => true,
                ClientAuthentication.VerifyIfGiven when client is null => true,
                _ => client is X509Certificate2 given
                    ? ClientCertificate.Verify(given, sent?.ChainPolicy.ExtraStore, roots)
                    : throw new AuthenticationException("The client shows no certificate."),
            },
        };
    }

    private static readonly TlsCipherSuite[] OfTls13 =
        [TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256];

    private SslProtocols Versions() => (_options.MinVersion, _options.MaxVersion) switch
    {
        ("1.3", _) => SslProtocols.Tls13,
        (_, "1.2") => SslProtocols.Tls12,
        _ => SslProtocols.Tls12 | SslProtocols.Tls13,
    };
}
