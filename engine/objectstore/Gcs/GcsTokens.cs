using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Access tokens: a service account's signed assertion exchanged at Google's token service (RFC 7523), or the metadata server's own. One is
/// kept until minutes before it ends; if none is to be had then, it is used as long as it lasts. Why there is none is an
/// <see cref="IdentityException"/>. Thread safe. (Google's client library reads JSON by reflection, which a native binary has not.)
/// </summary>
/// <param name="service">Asks the token service.</param>
/// <param name="machine">Asks the metadata server, through no proxy: that would be told of the proxy's machine.</param>
/// <param name="options">Whose key file, if any.</param>
/// <param name="time">What time it is.</param>
internal sealed class GcsTokens(HttpClient service, HttpClient machine, GcsOptions options, TimeProvider time)
{
    private const string Scope = "https://www.googleapis.com/auth/devstorage.read_write";
    private const string ServiceAccount = "service_account";
    private const string AccountVariable = "GOOGLE_APPLICATION_CREDENTIALS";
    private const string MachineVariable = "GCE_METADATA_HOST"; // as Google's own libraries have it: a host, with a port or without
    private const string MachineHost = "169.254.169.254";
    private const int MaxAnswerBytes = 1 << 20;
    private const int MaxTokenLength = 16 << 10; // they announce 2 KiB, and "may grow"

    /// <summary>The metadata server keeps a token of its own until five minutes before its end: who asks earlier gets the same.</summary>
    private static readonly TimeSpan RenewBefore = TimeSpan.FromMinutes(4);

    /// <summary>A request that begins with a token must be judged by the service while it counts.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(30);

    /// <summary>Not with each request, if one could not be renewed.</summary>
    private static readonly TimeSpan NextTry = TimeSpan.FromSeconds(10);

    /// <summary>Less than an attempt of the store has, so that an old token is still of use to it.</summary>
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    private readonly SharedAnswer<string> _answer = new();

    // Of whoever is asking.
    private string _token = "";
    private DateTimeOffset _renewAt, _until;

    public Task<string> GetAsync(CancellationToken cancellation) => _answer.GetAsync(RenewAsync, cancellation);

    // The token itself as long as it need not be renewed.
    private async Task<string> RenewAsync()
    {
        if (time.GetUtcNow() < _renewAt) return _token;
        try
        {
            (_token, var seconds) = await AskAsync().ConfigureAwait(false);
            var now = time.GetUtcNow();
            _until = now + TimeSpan.FromSeconds(seconds) - Slack;
            // a short one at half its life
            _renewAt = now + TimeSpan.FromSeconds(Math.Max(seconds - RenewBefore.TotalSeconds, seconds / 2.0));
        }
        catch (IdentityException) when (time.GetUtcNow() < _until)
        {
            _renewAt = time.GetUtcNow() + NextTry;
        }

        return _token;
    }

    private async Task<(string Token, int Seconds)> AskAsync()
    {
        var file = options.CredentialsFile.Length > 0 ? options.CredentialsFile : Environment.GetEnvironmentVariable(AccountVariable) ?? "";
        using var request = file.Length > 0 ? await AssertionAsync(file).ConfigureAwait(false) : MachineRequest();
        var where = request.RequestUri!.GetLeftPart(UriPartial.Path);
        using var limit = new CancellationTokenSource(AskLimit, time);
        try
        {
            using var answer = await (file.Length > 0 ? service : machine).SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            await answer.Content.LoadIntoBufferAsync(MaxAnswerBytes, limit.Token).ConfigureAwait(false);
            var body = await answer.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode)
                throw new IdentityException($"{where} answered {(int)answer.StatusCode} {answer.ReasonPhrase}{Reason(body)}",
                    isTransient: (int)answer.StatusCode is 408 or 429 or >= 500);
            return TokenOf(body) ?? throw new IdentityException($"what {where} answered is not a token", isTransient: true);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new IdentityException($"{where}: {e.Message}", isTransient: true);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new IdentityException($"{where}: no answer within {AskLimit.TotalSeconds:0} s", isTransient: true);
        }
    }

    private static (string Token, int Seconds)? TokenOf(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var token = json.RootElement.GetProperty("access_token").GetString() ?? "";
            var seconds = json.RootElement.GetProperty("expires_in").GetInt32();
            return token.Length is > 0 and <= MaxTokenLength && seconds > 0 && token.All(static letter => letter is > ' ' and < '\x7f')
                ? (token, seconds)
                : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    // RFC 6749, 5.2: the error has a name, and words for who reads the log.
    private static string Reason(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return IdentityException.Clean($": {Text("error")} {Text("error_description")}".TrimEnd(' ', ':'));

            string Text(string name) =>
                json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "";
        }
    }

    private static HttpRequestMessage MachineRequest()
    {
        var host = Environment.GetEnvironmentVariable(MachineVariable) is { Length: > 0 } named ? named : MachineHost;
        if (!Uri.TryCreate($"http://{host}/computeMetadata/v1/instance/service-accounts/default/token", UriKind.Absolute, out var url))
            throw new IdentityException($"{MachineVariable} is {host}, where a host belongs", isTransient: false);
        return new HttpRequestMessage(HttpMethod.Get, url) { Headers = { { "Metadata-Flavor", "Google" } } };
    }

    private async Task<HttpRequestMessage> AssertionAsync(string path)
    {
        try
        {
            using var key = JsonDocument.Parse(await File.ReadAllBytesAsync(path).ConfigureAwait(false));
            var type = key.RootElement.TryGetProperty("type", out var named) ? named.GetString() : ServiceAccount;
            if (type != ServiceAccount)
                throw new IdentityException(
                    $"the key file {path} is of the type {type}, and only {ServiceAccount} is known here", isTransient: false);
            return Assertion(key.RootElement);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IdentityException($"the key file {path}: {e.Message}", isTransient: true);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException
            or CryptographicException or UriFormatException)
        {
            // What it says of the text may quote it.
            throw new IdentityException(
                $"the key file {path} is none of a service account: it needs client_email, private_key (PEM) and token_uri ({e.GetType().Name})", isTransient: false);
        }
    }

    private HttpRequestMessage Assertion(JsonElement key)
    {
        var audience = key.GetProperty("token_uri").GetString() ?? "";
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var claims = new MemoryStream();
        using (var writer = new Utf8JsonWriter(claims))
        {
            writer.WriteStartObject();
            writer.WriteString("iss", key.GetProperty("client_email").GetString());
            writer.WriteString("scope", Scope);
            writer.WriteString("aud", audience);
            writer.WriteNumber("iat", now);
            writer.WriteNumber("exp", now + 3600);
            writer.WriteEndObject();
        }

        var signed = Base64Url("""{"alg":"RS256","typ":"JWT"}"""u8) + "." + Base64Url(claims.ToArray());
        using var rsa = RSA.Create();
        rsa.ImportFromPem(key.GetProperty("private_key").GetString());
        var signature = rsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return new HttpRequestMessage(HttpMethod.Post, new Uri(audience))
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
