using System.Text;
using System.Text.Json;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>
/// Prometheus' <c>oauth2</c>: a token by client credentials (RFC 6749 §4.4). The secret is asked for with each request of one.
/// </summary>
public sealed record OAuth2Options(string ClientId, Func<string> ClientSecret, Uri TokenUrl)
{
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>More fields of the request for a token.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> EndpointParameters { get; init; } = [];
}

/// <summary>
/// Gets tokens and keeps one until shortly before it expires. Throws <see cref="HttpRequestException"/> with the reason where there is
/// none to be had, which a sender takes like a receiver that is not there. Thread safe.
/// </summary>
internal sealed class OAuth2Tokens(OAuth2Options options, HttpClient http, TimeProvider time) : IDisposable
{
    private const int MaxAnswerBytes = 64 << 10;

    /// <summary>A token that expires sooner is not sent any more: a request may be under way for some seconds.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <summary>Of an answer that names no time.</summary>
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _one = new(1, 1);
    private string _header = "";
    private DateTimeOffset _until;

    /// <summary>The value of the Authorization header.</summary>
    public async ValueTask<string> HeaderAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_header.Length == 0 || time.GetUtcNow() >= _until) await RenewAsync(cancellation).ConfigureAwait(false);
            return _header;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The receiver did not take the token: the next request gets another.</summary>
    public void Forget() => _until = default;

    public void Dispose() => _one.Dispose();

    private async Task RenewAsync(CancellationToken cancellation)
    {
        List<KeyValuePair<string, string>> form = [new("grant_type", "client_credentials")];
        if (options.Scopes.Count > 0) form.Add(new("scope", string.Join(' ', options.Scopes)));
        form.AddRange(options.EndpointParameters);
        using var request = new HttpRequestMessage(HttpMethod.Post, options.TokenUrl) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Authorization =
            RemoteWriteClient.Basic($"{Uri.EscapeDataString(options.ClientId)}:{Uri.EscapeDataString(options.ClientSecret())}");
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        var body = new byte[MaxAnswerBytes + 1];
        await using var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (length > MaxAnswerBytes) throw new HttpRequestException($"oauth2: an answer of more than {MaxAnswerBytes} bytes");
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException(
                $"oauth2: no token, {(int)response.StatusCode} {Encoding.UTF8.GetString(body, 0, Math.Min(length, 200))}");
        Read(body.AsMemory(0, length));
    }

    private void Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
            var token = json.RootElement.GetProperty("access_token").GetString() ?? "";
            if (token.Length == 0 || token.Any(static c => c is <= ' ' or >= (char)127))
                throw new HttpRequestException("oauth2: an answer without a usable access_token");
            var type = json.RootElement.TryGetProperty("token_type", out var named) && named.GetString() is { Length: > 0 } text
                && !text.Equals("bearer", StringComparison.OrdinalIgnoreCase) ? text : "Bearer";
            var lifetime =
                json.RootElement.TryGetProperty("expires_in", out var seconds) && seconds.TryGetInt64(out var number) && number > 0
                    ? TimeSpan.FromSeconds(Math.Min(number, 365 * 86400))
                    : DefaultLifetime;
            (_header, _until) = ($"{type} {token}", time.GetUtcNow() + lifetime - Margin);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new HttpRequestException($"oauth2: an answer that is no token: {e.Message}");
        }
    }
}
