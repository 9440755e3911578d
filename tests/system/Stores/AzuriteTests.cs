using System.Diagnostics;
using Azure.Storage;
using Azure.Storage.Blobs;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.ObjectStore.Tests;
using Tempo.SystemTests.Server;
using Tempo.Testing;

namespace Tempo.SystemTests.Stores;

/// <summary>The contract of object stores on Azurite, the Azure emulator of Azure's own makers.</summary>
public sealed class AzuriteTests(AzuriteServer azurite) : ObjectStoreContract, IClassFixture<AzuriteServer>, IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-azurite-").FullName;
    private RemoteObjectStore _store = null!;

    protected override IObjectStore Store => _store;

    protected override string Scratch => _folder;

    public async ValueTask InitializeAsync() => _store = await azurite.OpenAsync();

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task ALargeObjectGoesInBlocks()
    {
        var content = new byte[2 * AzuriteServer.PartSizeBytes + 12_345];
        new Random(7).NextBytes(content);
        await Store.PutAsync(Key("t/large"), content);
        Assert.Equal(content, await Store.TryGetAsync(Key("t/large"), int.MaxValue));
    }
}

/// <summary>An Azurite on a free port, in memory, with a container for each test.</summary>
public sealed class AzuriteServer : IAsyncLifetime
{
    public const int PartSizeBytes = 1 << 20;

    // Azurite's built-in account, which its documentation names.
    private const string Account = "devstoreaccount1";
    private const string AccountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private Process? _process;
    private string _url = "";
    private int _containers;

    public async ValueTask InitializeAsync()
    {
        var port = LoopbackPort.Free();
        _url = $"http://127.0.0.1:{port}/{Account}";
        _process = Process.Start(new ProcessStartInfo("node")
        {
            ArgumentList = { Path.Combine(Repository.Senders, "node_modules/azurite/dist/src/blob/main.js"), "--inMemoryPersistence",
                "--blobHost", "127.0.0.1", "--blobPort", $"{port}", "--silent", "--skipApiVersionCheck", "--disableTelemetry" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var http = new HttpClient();
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(_url));
                return;
            }
            catch (HttpRequestException) when (!_process.HasExited && waiting.Elapsed < TimeSpan.FromMinutes(1))
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process!.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    public async Task<RemoteObjectStore> OpenAsync()
    {
        var name = $"tempo{Interlocked.Increment(ref _containers)}";
        await new BlobContainerClient(new Uri($"{_url}/{name}"), new StorageSharedKeyCredential(Account, AccountKey)).CreateAsync();
        var options = new AzureOptions { Container = name, AccountName = Account, AccountKey = AccountKey, EndpointSuffix = _url };
        return RemoteObjectStore.OpenAzure(
            options, new RemoteOptions { PartSizeBytes = PartSizeBytes }, TimeProvider.System, new Random(1));
    }
}
