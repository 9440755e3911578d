using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>How a request ended.</summary>
internal enum SendStatus
{
    Accepted,

    /// <summary>Nobody there, too slow, 5xx or 429: the same request may go well later.</summary>
    Retry,

    /// <summary>Any other answer: it would be given again.</summary>
    Refused,

    /// <summary>The receiver does not know version 2: send the batch as version 1.</summary>
    NotVersion2,
}

/// <summary>The outcome of one request.</summary>
internal readonly record struct SendResult(SendStatus Status, string Message, TimeSpan RetryAfter);

/// <summary>
/// Posts batches to one target. Of an answer at most <see cref="MaxAnswerBytes"/> are read, whatever it says of its length;
/// redirects are not followed, so that nothing goes where the configuration does not say. Thread safe.
/// </summary>
internal sealed class RemoteWriteClient : IDisposable
{
    public const int MaxAnswerBytes = 4096;

    /// <summary>Enough text of an answer for a log line.</summary>
    private const int MaxMessageChars = 300;
    private const string WrittenSamplesHeader = "X-Prometheus-Remote-Write-Samples-Written";

    private readonly RemoteWriteTarget _target;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly OAuth2Tokens? _tokens;

    public RemoteWriteClient(RemoteWriteTarget target, TimeProvider time)
    {
        _target = target;
        _time = time;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = target.Proxy is not null || target.UsesProxyOfEnvironment,
            Proxy = target.Proxy is null ? null : new WebProxy(target.Proxy),
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = target.RemoteTimeout,
            MaxResponseHeadersLength = 64,
            MaxResponseDrainSize = MaxAnswerBytes,
        };
        ConfigureTls(handler.SslOptions, target.Tls);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        if (target.OAuth2 is { } oauth2) _tokens = new OAuth2Tokens(oauth2, _http, time);
    }

    /// <summary>Sends a snappy block. Never throws but for <paramref name="cancellation"/>.</summary>
    public async Task<SendResult> SendAsync(
        ReadOnlyMemory<byte> block, bool isVersion2, IReadOnlyList<KeyValuePair<string, string>> tenantHeaders,
        CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(_target.RemoteTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var request = Request(block, isVersion2, tenantHeaders);
            if (_tokens is not null) Set(request, "Authorization", await _tokens.HeaderAsync(either.Token).ConfigureAwait(false));
            else if (_target.SigV4 is { } keys) RequestSigner.Sign(request, block.Span, keys, _time.GetUtcNow());
            using var response =
                await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            // Of a good answer nothing more is wanted, so that its body cannot turn it into a bad one.
            var message = response.IsSuccessStatusCode ? "" : await ReadMessageAsync(response, either.Token).ConfigureAwait(false);
            // A token may have been called back before its time.
            if (_tokens is not null && response.StatusCode == HttpStatusCode.Unauthorized)
            {
                _tokens.Forget();
                return new SendResult(SendStatus.Retry, $"401 {message}", TimeSpan.Zero);
            }

            return Judge(response, isVersion2, message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new SendResult(SendStatus.Retry, $"no answer within {_target.RemoteTimeout.TotalSeconds} s", TimeSpan.Zero);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            return new SendResult(
                SendStatus.Retry, e.InnerException is { } inner ? $"{e.Message} ({inner.Message})" : e.Message, TimeSpan.Zero);
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _tokens?.Dispose();
    }

    private HttpRequestMessage Request(
        ReadOnlyMemory<byte> block, bool isVersion2, IReadOnlyList<KeyValuePair<string, string>> tenantHeaders)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, _target.Url) { Content = new ReadOnlyMemoryContent(block) };
        request.Content.Headers.TryAddWithoutValidation(
            "Content-Type", isVersion2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request" : "application/x-protobuf");
        request.Content.Headers.ContentEncoding.Add("snappy");
        request.Headers.TryAddWithoutValidation("X-Prometheus-Remote-Write-Version", isVersion2 ? "2.0.0" : "0.1.0");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("tempo-remote-write", "1"));
        if (_target.Authorization is { } authorization) request.Headers.TryAddWithoutValidation("Authorization", authorization());
        else if (_target.Url.UserInfo.Length > 0) request.Headers.Authorization = Basic(Uri.UnescapeDataString(_target.Url.UserInfo));
        foreach (var (name, value) in _target.Headers) Set(request, name, value);
        foreach (var (name, value) in tenantHeaders) Set(request, name, value);
        return request;
    }

    private static void Set(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    internal static AuthenticationHeaderValue Basic(string userAndPassword) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(userAndPassword)));

    private static async Task<string> ReadMessageAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var bytes = new byte[MaxAnswerBytes];
        await using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var count = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        var text = Encoding.UTF8.GetString(bytes, 0, count).Trim();
        return text.Length > MaxMessageChars ? text[..MaxMessageChars] : text;
    }

    private SendResult Judge(HttpResponseMessage response, bool isVersion2, string message)
    {
        var code = (int)response.StatusCode;
        if (code is >= 200 and < 300)
        {
            // A receiver of version 1 answers well to what it cannot read; one of version 2 says what it wrote.
            return isVersion2 && !response.Headers.Contains(WrittenSamplesHeader)
                ? new SendResult(SendStatus.NotVersion2, "", TimeSpan.Zero)
                : default;
        }

        message = $"{code} {message}".Trim();
        if (isVersion2 && response.StatusCode == HttpStatusCode.UnsupportedMediaType)
            return new SendResult(SendStatus.NotVersion2, message, TimeSpan.Zero);
        return code >= 500 || (response.StatusCode == HttpStatusCode.TooManyRequests && _target.RetriesOn429)
            ? new SendResult(SendStatus.Retry, message, RetryAfter(response))
            : new SendResult(SendStatus.Refused, message, TimeSpan.Zero);
    }

    private TimeSpan RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _time.GetUtcNow(),
        _ => TimeSpan.Zero,
    };

    private static void ConfigureTls(SslClientAuthenticationOptions options, RemoteWriteTls tls)
    {
        options.EnabledSslProtocols = tls.Protocols;
        if (tls.CertFile.Length > 0)
            options.ClientCertificates = [X509Certificate2.CreateFromPemFile(tls.CertFile, tls.KeyFile.Length > 0 ? tls.KeyFile : null)];
        if (tls.InsecureSkipVerify)
        {
            // Asked for by that name in the configuration.
#pragma warning disable CA5359
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (tls.CaFile.Length > 0)
        {
            options.CertificateChainPolicy = TrustedRoots.PolicyOf(tls.CaFile);
        }

        // The handler asks for the URL's host, whatever the options say, so the name is held against the certificate here.
        if (tls is { ServerName.Length: > 0, InsecureSkipVerify: false })
        {
            options.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None && certificate is X509Certificate2 shown
                    && shown.MatchesHostname(tls.ServerName);
        }
    }
}
