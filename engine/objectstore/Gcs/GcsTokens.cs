using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Access tokens: a service account's signed assertion exchanged at Google's token service (RFC 7523), or the metadata
/// server's own. Kept until a minute before they end. Thread safe. (Google's client library reads JSON by reflection, which a
/// native binary has not.)
/// </summary>
internal sealed class GcsTokens(HttpClient http, GcsOptions options, TimeProvider time) : IDisposable
{
    private const string Scope = "https://www.googleapis.com/auth/devstorage.read_write";
    private const string MetadataUrl = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
    private const int MaxAnswerBytes = 1 << 20;
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);
    private readonly SemaphoreSlim _one = new(1, 1);
    private (string Token, DateTimeOffset Until) _current;

    public void Dispose() => _one.Dispose();

    public async Task<string> GetAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (time.GetUtcNow() < _current.Until) return _current.Token;
            var path = options.CredentialsFile.Length > 0 ? options.CredentialsFile : Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") ?? "";
            using var request = path.Length > 0 ? await AssertionAsync(path, cancellation).ConfigureAwait(false) : MetadataRequest();
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            answer.EnsureSuccessStatusCode();
            await answer.Content.LoadIntoBufferAsync(MaxAnswerBytes, cancellation).ConfigureAwait(false);
            using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false));
            var seconds = json.RootElement.GetProperty("expires_in").GetInt32();
            _current = (json.RootElement.GetProperty("access_token").GetString() ?? "", time.GetUtcNow() + TimeSpan.FromSeconds(seconds) - Margin);
            return _current.Token;
        }
        finally
        {
            _one.Release();
        }
    }

    private static HttpRequestMessage MetadataRequest()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, MetadataUrl);
        request.Headers.Add("Metadata-Flavor", "Google");
        return request;
    }

    private async Task<HttpRequestMessage> AssertionAsync(string path, CancellationToken cancellation)
    {
        using var key = JsonDocument.Parse(await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false));
        var audience = key.RootElement.GetProperty("token_uri").GetString() ?? "";
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var claims = new MemoryStream();
        using (var writer = new Utf8JsonWriter(claims))
        {
            writer.WriteStartObject();
            writer.WriteString("iss", key.RootElement.GetProperty("client_email").GetString());
            writer.WriteString("scope", Scope);
            writer.WriteString("aud", audience);
            writer.WriteNumber("iat", now);
            writer.WriteNumber("exp", now + 3600);
            writer.WriteEndObject();
        }

        var signed = Base64Url("""{"alg":"RS256","typ":"JWT"}"""u8) + "." + Base64Url(claims.ToArray());
        using var rsa = RSA.Create();
        rsa.ImportFromPem(key.RootElement.GetProperty("private_key").GetString());
        var signature = rsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return new HttpRequestMessage(HttpMethod.Post, audience)
        {
            Content = new FormUrlEncodedContent(
            [
                new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                new("assertion", signed + "." + Base64Url(signature)),
            ]),
            Headers = { Accept = { new MediaTypeWithQualityHeaderValue("application/json") } },
        };
    }

    private static string Base64Url(ReadOnlySpan<byte> bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
