using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.ObjectStore.Tests;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>The contract of caches on a real server, which may go and come back.</summary>
public abstract class CacheServerContract(CacheServer server) : PartCacheContract, IAsyncLifetime
{
    private IPartCache _cache = null!;

    protected override IPartCache Cache => _cache;

    public async ValueTask InitializeAsync()
    {
        await server.StartAsync();
        _cache = Open(server.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_server_that_is_gone_has_nothing_and_comes_back()
    {
        await Cache.PutAsync("a", new byte[10], default);
        await server.KillAsync();
        Assert.Null(await Cache.TryGetAsync("a", default));
        await Cache.PutAsync("a", new byte[10], default);

        await server.StartAsync();
        await ComesBackAsync();
    }

    protected abstract IPartCache Open(string address);

    /// <summary>What is put is there again.</summary>
    protected abstract Task ComesBackAsync();

    protected override Task DamageAsync() => server.OverwriteAsync("a");
}

public sealed class MemcachedTests() : CacheServerContract(CacheServer.Memcached())
{
    protected override IPartCache Open(string address) =>
        new MemcachedPartCache(
            new MemcachedOptions { Addresses = [address], Timeout = TimeSpan.FromSeconds(10), BreakAfterFailures = int.MaxValue },
            TimeProvider.System);

    // A connection is made when it is needed.
    protected override async Task ComesBackAsync()
    {
        await Cache.PutAsync("a", new byte[10], default);
        Assert.NotNull(await Cache.TryGetAsync("a", default));
    }
}

public sealed class RedisTests() : CacheServerContract(CacheServer.Redis())
{
    protected override IPartCache Open(string address) =>
        RedisPartCache.Open(new RedisOptions { Endpoints = [address], Timeout = TimeSpan.FromSeconds(10) });

    // The client library connects again in its own time.
    protected override Task ComesBackAsync() => Eventually.HoldsAsync("it is connected again", async () =>
    {
        await Cache.PutAsync("a", new byte[10], default);
        return await Cache.TryGetAsync("a", default) is not null;
    });
}

/// <summary>The binary with blocks in an object service, and caches before it.</summary>
public sealed class CacheTests : IDisposable
{
    /// <summary>Number of bits, of hashes, and of bits once more, before the bits of a filter.</summary>
    private const int BloomHeaderBytes = 24;

    private readonly S3Stub _s3 = new();
    private int _reads;

    public CacheTests() => _s3.Faults = (_, request) =>
    {
        if (request.HttpMethod == "GET" && request.Url!.AbsolutePath.Contains("data.parquet", StringComparison.Ordinal))
            Interlocked.Increment(ref _reads);
        return null;
    };

    public void Dispose() => _s3.Dispose();

    [Fact]
    public async Task On_disk_what_was_read_is_there_after_a_restart_and_damage_costs_a_request()
    {
        await using var tempo = await StartAsync("cache: {disk: {max_bytes: 100MiB}}");
        var trace = await StoreAsync(tempo);
        await AskAsync(tempo, trace);
        Assert.NotEqual(0, _reads);
        var cache = Path.Combine(Path.GetDirectoryName(tempo.BlocksFolder)!, "cache");
        await WrittenAsync(() => Task.FromResult(Files(cache).Length > 0));

        await RestartAsync(tempo);
        await AskAsync(tempo, trace);
        Assert.Equal(0, _reads);

        await tempo.KillAsync();
        foreach (var file in Files(cache)) File.WriteAllBytes(file, new byte[100]);
        _reads = 0;
        await tempo.StartAsync();
        await AskAsync(tempo, trace);
        Assert.NotEqual(0, _reads);
    }

    [Theory]
    [InlineData("memcached")]
    [InlineData("redis")]
    public async Task A_shared_cache_spares_requests_and_its_death_changes_no_answer(string kind)
    {
        await using var server = kind == "redis" ? CacheServer.Redis() : CacheServer.Memcached();
        await server.StartAsync();
        var place = kind == "redis"
            ? $"redis: {{endpoint: \"{server.Address}\", timeout: 5s}}"
            : $"memcached: {{addresses: \"{server.Address}\", timeout: 5s}}";
        await using var tempo = await StartAsync(
            $"cache: {{disk: {{max_bytes: 0}}, caches: [{{roles: [bloom, sidecar, parquet-footer, parquet-page], {place}}}]}}");
        var trace = await StoreAsync(tempo);
        await AskAsync(tempo, trace);
        await WrittenAsync(async () => await server.CountAsync() > 0);

        await RestartAsync(tempo);
        await AskAsync(tempo, trace);
        Assert.Equal(0, _reads);
        Assert.Contains($"tempo_cache_requests_total{{cache=\"{kind}\",role=\"parquet-footer\",result=\"hit\"}}",
            (await tempo.Api.AskAsync("/metrics")).Text, StringComparison.Ordinal);

        await server.KillAsync();
        await RestartAsync(tempo);
        await AskAsync(tempo, trace);
        Assert.NotEqual(0, _reads);
    }

    [Fact]
    public async Task A_filter_that_was_made_anew_is_read_anew_though_a_shared_cache_has_the_old_one()
    {
        await using var server = CacheServer.Memcached();
        await server.StartAsync();
        await using var tempo = await StartAsync(
            $"cache: {{disk: {{max_bytes: 0}}, caches: [{{roles: [bloom, trace-id-index], memcached: {{addresses: \"{server.Address}\", timeout: 5s}}}}]}}");
        var trace = await StoreAsync(tempo);
        await tempo.KillAsync();
        var bloom = _s3.Objects.Keys.Single(static name => name.EndsWith("/bloom-0", StringComparison.Ordinal));
        var sound = _s3.Objects[bloom].Content;
        BecomeAnotherWriters();
        // Of the size that it had, and with no bit: it says of each trace that it is not in the block.
        Put(bloom, [.. sound[..BloomHeaderBytes], .. new byte[sound.Length - BloomHeaderBytes]]);

        await tempo.StartAsync();
        await ListedAsync(tempo, trace);
        Assert.Equal(404, (await tempo.Api.AskAsync($"/api/traces/{trace}")).Status);
        await WrittenAsync(async () => await server.CountAsync() >= 2);

        Put(bloom, sound);
        await RestartAsync(tempo);
        await ListedAsync(tempo, trace);
        Assert.Equal(5, (await tempo.Api.FindTraceAsync(trace)).Count);
    }

    // Without what only this engine writes: the sidecar, whose filter is asked first, and checksums.
    private void BecomeAnotherWriters()
    {
        foreach (var name in _s3.Objects.Keys)
        {
            var last = name[(name.LastIndexOf('/') + 1)..];
            if (last is "tempo.sidecar" || last.StartsWith("index.", StringComparison.Ordinal)) _s3.Objects.TryRemove(name, out _);
            if (last != "meta.json") continue;
            var meta = JsonNode.Parse(_s3.Objects[name].Content)!.AsObject();
            Assert.True(meta.Remove("checksums") && meta.Remove("crc32c"));
            Put(name, JsonSerializer.SerializeToUtf8Bytes(meta));
        }
    }

    private void Put(string name, byte[] content) => _s3.Objects[name] = (content, _s3.Objects[name].Time);

    private static Task ListedAsync(TempoProcess tempo, string trace) =>
        Eventually.HoldsAsync("the block list is read",
            async () => !(await tempo.Api.AskAsync($"/api/v2/traces/{trace}")).Text.Contains("PARTIAL", StringComparison.Ordinal));

    private async Task RestartAsync(TempoProcess tempo)
    {
        await tempo.KillAsync();
        _reads = 0;
        await tempo.StartAsync();
    }

    private static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(static path => Path.GetFileName(path).Length == 32)];

    // Caches are written behind the reader's back, and nothing says when: until nothing new comes.
    private static async Task WrittenAsync(Func<Task<bool>> isThere)
    {
        await Eventually.HoldsAsync("a part is in the cache", isThere);
        await Task.Delay(500);
    }

    private Task<TempoProcess> StartAsync(string cache) => TempoProcess.StartAsync(new TempoSettings
    {
        Storage = $"    backend: s3\n    blocklist_poll: 1s\n    s3: {{bucket: b, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, access_key: id, secret_key: secret}}\n",
        More = cache,
    });

    // In the bucket and no longer in the folder, so that it is read from there.
    private static async Task<string> StoreAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var trace = Spans.NewTrace(5);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        await tempo.Api.FlushAsync();
        await Eventually.HoldsAsync("the block is uploaded",
            () => Task.FromResult(!Directory.EnumerateFiles(tempo.BlocksFolder, "*.parquet", SearchOption.AllDirectories).Any()));
        return trace[0].TraceId;
    }

    private static async Task AskAsync(TempoProcess tempo, string trace)
    {
        await ListedAsync(tempo, trace);
        Assert.Equal(5, (await tempo.Api.FindTraceAsync(trace)).Count);
        Assert.Contains((trace, 5), await tempo.Api.SearchAsync("{}"));
    }
}
