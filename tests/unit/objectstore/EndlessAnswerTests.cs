using System.Security.Cryptography;
using System.Text.Json;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>
/// Whoever answers in Azure's place, or in that of a token service, with something that never ends: a bounded part of it is read, and it is
/// an error.
/// </summary>
public sealed class EndlessAnswerTests : IDisposable
{
    private const long MostBytes = 64L << 20; // what the sockets hold is on top of the limit of 16 MiB

    private const string TokenBegin = "{\"access_token\":\"";

    private static readonly string AccountKey = Convert.ToBase64String(new byte[32]);
    private readonly string _keyFile = Path.GetTempFileName();

    public void Dispose() => File.Delete(_keyFile);

    [Theory]
    [InlineData("list")]
    [InlineData("info")]
    [InlineData("delete")]
    public async Task Azure(string call)
    {
        using var server = Unwilling();
        using var objects = new AzureObjects(
            new AzureOptions { Container = "c", AccountName = "a", AccountKey = AccountKey, EndpointSuffix = $"http://{server.Address}/a" },
            TimeProvider.System, new Random(1));
        await GiveUpAsync(server, call switch
        {
            "list" => objects.ListAsync("x/", recursive: false, continuation: null, TestContext.Current.CancellationToken),
            "info" => objects.GetInfoAsync("x", TestContext.Current.CancellationToken),
            _ => objects.DeleteAsync("x", TestContext.Current.CancellationToken),
        });
    }

    [Fact]
    public async Task Azures_token_service_of_the_machine()
    {
        using var server = Unwilling();
        Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", $"http://{server.Address}");
        Environment.SetEnvironmentVariable("IDENTITY_HEADER", "canary");
        try
        {
            using var objects = new AzureObjects(
                new AzureOptions
                {
                    Container = "c",
                    AccountName = "a",
                    UseManagedIdentity = true,
                    EndpointSuffix = $"https://{server.Address}/a"
                }, TimeProvider.System, new Random(1));
            await GiveUpAsync(server, objects.ListAsync("x/", recursive: false, continuation: null, TestContext.Current.CancellationToken));
        }
        finally
        {
            Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", null);
            Environment.SetEnvironmentVariable("IDENTITY_HEADER", null);
        }
    }

    [Fact]
    public async Task Googles_token_service()
    {
        using var server = EndlessServer.OfBodies(200, TokenBegin); // of an error nothing is read
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(
            _keyFile, JsonSerializer.Serialize(
                new Dictionary<string, string>
                {
                    ["client_email"] = "a@b",
                    ["private_key"] = rsa.ExportPkcs8PrivateKeyPem(),
                    ["token_uri"] = $"http://{server.Address}"
                }), TestContext.Current.CancellationToken);
        using var http = BoundedAnswers.NewClient();
        var tokens = new GcsTokens(http, http, new GcsOptions { Bucket = "b", CredentialsFile = _keyFile }, TimeProvider.System);
        await GiveUpAsync(server, tokens.GetAsync(TestContext.Current.CancellationToken));
    }

    // The text of such an answer is what Azure's client reads.
    private static EndlessServer Unwilling() => EndlessServer.OfBodies(400, TokenBegin);

    private static async Task GiveUpAsync(EndlessServer server, Task call)
    {
        Assert.NotNull(await Record.ExceptionAsync(() => call.WaitAsync(TimeSpan.FromMinutes(3))) is var error and not TimeoutException
            ? error
            : null);
        Assert.InRange(server.SentBytes, 1, MostBytes);
    }
}
