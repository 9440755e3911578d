using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>Whoever answers in Azure's place, or in that of a token service, with something that never ends: a bounded part of it is read, and it is an error.</summary>
public sealed class EndlessAnswerTests : IDisposable
{
    private const long MostBytes = 64L << 20; // what the sockets hold is on top of the limit of 16 MiB

    private static readonly string AccountKey = Convert.ToBase64String(new byte[32]);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _keyFile = Path.GetTempFileName();
    private string _status = "400 X"; // whose text Azure's client reads
    private long _sentBytes;

    public EndlessAnswerTests()
    {
        _listener.Start();
        _ = AnswerAllAsync();
    }

    private string Url => $"http://{_listener.LocalEndpoint}";

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_keyFile);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("info")]
    [InlineData("delete")]
    public async Task Azure(string call)
    {
        using var objects = new AzureObjects(new AzureOptions { Container = "c", AccountName = "a", AccountKey = AccountKey, EndpointSuffix = Url + "/a" }, TimeProvider.System, new Random(1));
        await GiveUpAsync(call switch
        {
            "list" => objects.ListAsync("x/", recursive: false, continuation: null, TestContext.Current.CancellationToken),
            "info" => objects.GetInfoAsync("x", TestContext.Current.CancellationToken),
            _ => objects.DeleteAsync("x", TestContext.Current.CancellationToken),
        });
    }

    [Fact]
    public async Task Azures_token_service_of_the_machine()
    {
        Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", Url);
        Environment.SetEnvironmentVariable("IDENTITY_HEADER", "canary");
        try
        {
            using var objects = new AzureObjects(new AzureOptions { Container = "c", AccountName = "a", UseManagedIdentity = true, EndpointSuffix = Url.Replace("http:", "https:", StringComparison.Ordinal) + "/a" }, TimeProvider.System, new Random(1));
            await GiveUpAsync(objects.ListAsync("x/", recursive: false, continuation: null, TestContext.Current.CancellationToken));
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
        _status = "200 OK"; // of an error nothing is read
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(_keyFile, JsonSerializer.Serialize(new Dictionary<string, string> { ["client_email"] = "a@b", ["private_key"] = rsa.ExportPkcs8PrivateKeyPem(), ["token_uri"] = Url }), TestContext.Current.CancellationToken);
        using var http = BoundedAnswers.NewClient();
        var tokens = new GcsTokens(http, http, new GcsOptions { Bucket = "b", CredentialsFile = _keyFile }, TimeProvider.System);
        await GiveUpAsync(tokens.GetAsync(TestContext.Current.CancellationToken));
    }

    private async Task GiveUpAsync(Task call)
    {
        Assert.NotNull(await Record.ExceptionAsync(() => call.WaitAsync(TimeSpan.FromMinutes(3))) is var error and not TimeoutException ? error : null);
        Assert.InRange(Interlocked.Read(ref _sentBytes), 1, MostBytes);
    }

    private async Task AnswerAllAsync()
    {
        try
        {
            while (true) _ = AnswerAsync(await _listener.AcceptSocketAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        try
        {
            using var connection = socket;
            _ = await socket.ReceiveAsync(new byte[16 << 10]);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {_status}\r\nContent-Type: application/json\r\n\r\n{{\"access_token\":\""));
            var piece = Encoding.ASCII.GetBytes(new string('A', 1 << 16));
            while (true) Interlocked.Add(ref _sentBytes, await socket.SendAsync(piece));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was given up.
        }
    }
}
