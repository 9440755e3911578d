using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>How a node of Google's cloud gets in: what is sent to the token service and to the metadata server, and how long an answer counts.</summary>
public sealed class GcsTokensTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);
    private readonly TokenService _service = new();
    private readonly MovedTime _time = new(Start);
    private readonly string _keyFile = Path.GetTempFileName();

    public void Dispose()
    {
        _service.Dispose();
        File.Delete(_keyFile);
    }

    [Fact]
    public async Task A_service_account_signs_who_it_is_and_what_for()
    {
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(_keyFile, JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["client_email"] = "tempo@project.iam.gserviceaccount.com",
            ["private_key"] = rsa.ExportPkcs8PrivateKeyPem(),
            ["token_uri"] = "https://oauth2.googleapis.com/token",
        }));
        Assert.Equal("token-1", await TokenAsync(new GcsOptions { Bucket = "b", CredentialsFile = _keyFile }));

        var (request, form) = Assert.Single(_service.Requests);
        Assert.Equal((HttpMethod.Post, "https://oauth2.googleapis.com/token"), (request.Method, request.RequestUri!.AbsoluteUri));
        var fields = form.Split('&').Select(static field => field.Split('=')).ToDictionary(static field => field[0], static field => Uri.UnescapeDataString(field[1]));
        Assert.Equal("urn:ietf:params:oauth:grant-type:jwt-bearer", fields["grant_type"]);
        var parts = fields["assertion"].Split('.');
        Assert.True(rsa.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        Assert.Equal("tempo@project.iam.gserviceaccount.com", claims.RootElement.GetProperty("iss").GetString());
        Assert.Equal("https://oauth2.googleapis.com/token", claims.RootElement.GetProperty("aud").GetString());
        Assert.Equal("https://www.googleapis.com/auth/devstorage.read_write", claims.RootElement.GetProperty("scope").GetString());
        Assert.Equal((Start.ToUnixTimeSeconds(), Start.ToUnixTimeSeconds() + 3600), (claims.RootElement.GetProperty("iat").GetInt64(), claims.RootElement.GetProperty("exp").GetInt64()));
    }

    [Fact]
    public async Task Without_a_key_the_metadata_server_of_the_machine_is_asked()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 }, "this machine has an account of its own");
        Assert.Equal("token-1", await TokenAsync(new GcsOptions { Bucket = "b" }));
        var (request, _) = Assert.Single(_service.Requests);
        Assert.Equal((HttpMethod.Get, "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"), (request.Method, request.RequestUri!.AbsoluteUri));
        Assert.Equal("Google", Assert.Single(request.Headers.GetValues("Metadata-Flavor")));
    }

    [Fact]
    public async Task A_token_counts_until_a_minute_before_its_end()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 }, "this machine has an account of its own");
        using var http = new HttpClient(_service, disposeHandler: false);
        using var tokens = new GcsTokens(http, new GcsOptions { Bucket = "b" }, _time);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddMinutes(58);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddMinutes(59);
        Assert.Equal("token-2", await tokens.GetAsync(default));
    }

    private async Task<string> TokenAsync(GcsOptions options)
    {
        using var http = new HttpClient(_service, disposeHandler: false);
        using var tokens = new GcsTokens(http, options, _time);
        return await tokens.GetAsync(default);
    }

    private sealed class MovedTime(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    /// <summary>Hands out tokens for an hour each.</summary>
    private sealed class TokenService : HttpMessageHandler
    {
        public List<(HttpRequestMessage Request, string Form)> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests.Add((request, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken)));
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($"{{\"access_token\":\"token-{Requests.Count}\",\"expires_in\":3600,\"token_type\":\"Bearer\"}}") };
        }
    }
}
