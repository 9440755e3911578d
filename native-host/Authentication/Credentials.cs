using System.Security.Cryptography;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Authentication;

/// <summary>
/// Compares what a request says of its sender with what is allowed. Digests are compared, each with each and all of them every time,
/// so that how long it takes says nothing of how much was right. Thread safe.
/// </summary>
internal sealed class Credentials
{
    /// <summary>A file of this size has thousands of tokens; each is compared with each request.</summary>
    private const int MaxFileBytes = 1 << 20;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    private readonly AuthenticationOptions _options;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly byte[][] _fixed;
    private readonly Lock _lock = new();
    private byte[][] _fromFile;
    private DateTime _fileTime;
    private long _lookedAt;

    /// <summary>
    /// Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> if the file of tokens cannot be read.
    /// </summary>
    public Credentials(AuthenticationOptions options, Log log, TimeProvider time)
    {
        (_options, _log, _time) = (options, log, time);
        _fixed = [.. options.BearerTokens.Select(Bearer), .. options.BasicUsers.Select(static user => Basic(user.Key, user.Value))];
        _fromFile = ReadFile();
        _lookedAt = time.GetTimestamp();
    }

    /// <summary>The value of an <c>Authorization</c> header is one that is allowed.</summary>
    public bool Allow(string authorization)
    {
        LookAgain();
        var space = authorization.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0) return false;
        // Schemes are the same in any case; what follows is not.
        var given = Digest(authorization[..space].ToUpperInvariant() + authorization[space..].TrimEnd());
        var isAllowed = false;
        foreach (var digest in _fixed) isAllowed |= CryptographicOperations.FixedTimeEquals(given, digest);
        foreach (var digest in Volatile.Read(ref _fromFile)) isAllowed |= CryptographicOperations.FixedTimeEquals(given, digest);
        return isAllowed;
    }

    private static byte[] Bearer(string token) => Digest($"BEARER {token}");

    private static byte[] Basic(string user, string password) =>
        Digest($"BASIC {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}");

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private void LookAgain()
    {
        if (_options.BearerTokenFile.Length == 0) return;
        lock (_lock)
        {
            if (_time.GetElapsedTime(_lookedAt) < LookInterval) return;
            _lookedAt = _time.GetTimestamp();
            try
            {
                if (File.GetLastWriteTimeUtc(_options.BearerTokenFile) == _fileTime) return;
                Volatile.Write(ref _fromFile, ReadFile());
                _log.Info("tokens read again", ("file", _options.BearerTokenFile), ("tokens", _fromFile.Length));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _log.Error("tokens not read again, those known stay", ("file", _options.BearerTokenFile), ("err", e.Message));
            }
        }
    }

    private byte[][] ReadFile()
    {
        if (_options.BearerTokenFile.Length == 0) return [];
        var info = new FileInfo(_options.BearerTokenFile);
        var time = info.LastWriteTimeUtc;
        if (info.Exists && info.Length > MaxFileBytes)
            throw new IOException($"{_options.BearerTokenFile} has {info.Length} bytes; at most {MaxFileBytes} are read");
        byte[][] tokens = [.. File.ReadAllLines(_options.BearerTokenFile).Select(static line => line.Trim())
            .Where(static line => line.Length > 0).Select(Bearer)];
        _fileTime = time;
        return tokens;
    }
}
