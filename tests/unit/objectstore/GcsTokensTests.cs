using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>
/// How a node of Google's cloud gets in: what is sent to the token service and to the metadata server, and how long an answer counts.
/// </summary>
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
        var fields = form.Split('&').Select(static field => field.Split('='))
            .ToDictionary(static field => field[0], static field => Uri.UnescapeDataString(field[1]));
        Assert.Equal("urn:ietf:params:oauth:grant-type:jwt-bearer", fields["grant_type"]);
        var parts = fields["assertion"].Split('.');
        Assert.True(rsa.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]),
            HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        Assert.Equal("tempo@project.iam.gserviceaccount.com", claims.RootElement.GetProperty("iss").GetString());
        Assert.Equal("https://oauth2.googleapis.com/token", claims.RootElement.GetProperty("aud").GetString());
        Assert.Equal("https://www.googleapis.com/auth/devstorage.read_write", claims.RootElement.GetProperty("scope").GetString());
        Assert.Equal((Start.ToUnixTimeSeconds(), Start.ToUnixTimeSeconds() + 3600),
            (claims.RootElement.GetProperty("iat").GetInt64(), claims.RootElement.GetProperty("exp").GetInt64()));
    }

    [Fact]
    public async Task Without_a_key_the_metadata_server_of_the_machine_is_asked()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 },
            "this machine has an account of its own");
        Assert.Equal("token-1", await TokenAsync(new GcsOptions { Bucket = "b" }));
        var (request, _) = Assert.Single(_service.Requests);
        Assert.Equal((HttpMethod.Get, "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"),
            (request.Method, request.RequestUri!.AbsoluteUri));
        Assert.Equal("Google", Assert.Single(request.Headers.GetValues("Metadata-Flavor")));
    }

    [Fact]
    public async Task A_token_is_renewed_before_it_ends()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 },
            "this machine has an account of its own");
        using var http = new HttpClient(_service, disposeHandler: false);
        var tokens = new GcsTokens(http, http, new GcsOptions { Bucket = "b" }, _time);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddMinutes(55);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddMinutes(56);
        Assert.Equal("token-2", await tokens.GetAsync(default));
    }

    [Fact]
    public async Task A_token_of_a_few_minutes_is_renewed_at_half_its_life()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 },
            "this machine has an account of its own");
        _service.Next = () => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent($"{{\"access_token\":\"token-{_service.Requests.Count}\",\"expires_in\":240}}")
        };
        using var http = new HttpClient(_service, disposeHandler: false);
        var tokens = new GcsTokens(http, http, new GcsOptions { Bucket = "b" }, _time);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddSeconds(119);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        _time.Now = Start.AddSeconds(120);
        Assert.Equal("token-2", await tokens.GetAsync(default));
    }

    [Fact]
    public async Task A_token_that_cannot_be_renewed_is_used_until_it_ends_and_not_asked_for_with_each_request()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 },
            "this machine has an account of its own");
        using var http = new HttpClient(_service, disposeHandler: false);
        var tokens = new GcsTokens(http, http, new GcsOptions { Bucket = "b" }, _time);
        await tokens.GetAsync(default);
        _service.Next = static () => new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        _time.Now = Start.AddMinutes(57);
        Assert.Equal("token-1", await tokens.GetAsync(default));
        Assert.Equal("token-1", await tokens.GetAsync(default));
        Assert.Equal(2, _service.Requests.Count);
        _time.Now = Start.AddMinutes(60);
        var error = await Assert.ThrowsAsync<IdentityException>(() => tokens.GetAsync(default));
        Assert.Equal((true, "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token answered 503 Service Unavailable"), (error.IsTransient, error.Message));
        _service.Next = null;
        Assert.Equal("token-4", await tokens.GetAsync(default));
    }

    [Theory]
    [InlineData(404, "", false, "answered 404 Not Found")]
    [InlineData(400, """{"error":"invalid_grant","error_description":"Invalid JWT Signature."}""", false,
        "answered 400 Bad Request: invalid_grant Invalid JWT Signature.")]
    [InlineData(200, """{"access_token":"canary"}""", true, "is not a token")]
    [InlineData(200, """{"access_token":"canary\n","expires_in":3600}""", true, "is not a token")]
    [InlineData(200, """{"access_token":"canary","expires_in":0}""", true, "is not a token")]
    [InlineData(200, "canary", true, "is not a token")]
    public async Task Whatever_else_is_answered_is_an_error_that_says_who_answered_and_shows_no_token(
        int status, string body, bool isTransient, string says)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 },
            "this machine has an account of its own");
        _service.Next = () => new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body) };
        var error = await Assert.ThrowsAsync<IdentityException>(() => TokenAsync(new GcsOptions { Bucket = "b" }));
        Assert.Equal(isTransient, error.IsTransient);
        Assert.Contains("169.254.169.254", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"external_account"}""", "is of the type external_account, and only service_account is known here")]
    [InlineData("""{"type":"service_account","token_uri":"https://x","client_email":"a@b","private_key":"canary"}""",
        "is none of a service account")]
    [InlineData("canary", "is none of a service account")]
    public async Task A_key_file_of_another_kind_is_told_by_its_name(string content, string says)
    {
        await File.WriteAllTextAsync(_keyFile, content);
        var error =
            await Assert.ThrowsAsync<IdentityException>(() => TokenAsync(new GcsOptions { Bucket = "b", CredentialsFile = _keyFile }));
        Assert.False(error.IsTransient);
        Assert.Contains(_keyFile, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a token service's 404 is no object's", false, "AccessDenied")]
    [InlineData("it may go better later", true, "Failed")]
    public async Task Without_a_token_nothing_is_said_of_the_object(string message, bool isTransient, string error)
    {
        var options = new RemoteOptions { FirstDelay = TimeSpan.FromMilliseconds(1), MaxAttempts = 3 };
        using var objects = new GcsObjects(new GcsOptions { Bucket = "b", Endpoint = "http://127.0.0.1:1" }, TimeProvider.System);
        var attempts =
            new RemoteAttempts(options, objects, new RetryBudget(options, TimeProvider.System), TimeProvider.System, new Random(1));
        var asked = 0;
        var thrown = await Assert.ThrowsAsync<ObjectStoreException>(
            () => attempts.RunAsync<int>(
                ObjectKey.Parse("a"), "get", 0, (_, _) => { asked++; throw new IdentityException(message, isTransient); }, default));
        Assert.Equal((error, isTransient ? 3 : 1), (thrown.Error.ToString(), asked));
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    private async Task<string> TokenAsync(GcsOptions options)
    {
        using var http = new HttpClient(_service, disposeHandler: false);
        var tokens = new GcsTokens(http, http, options, _time);
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

        /// <summary>What is answered instead.</summary>
        public Func<HttpResponseMessage>? Next { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests.Add((request, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken)));
            return Next?.Invoke() ?? new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content =
                new StringContent($"{{\"access_token\":\"token-{Requests.Count}\",\"expires_in\":3600,\"token_type\":\"Bearer\"}}")
            };
        }
    }
}
