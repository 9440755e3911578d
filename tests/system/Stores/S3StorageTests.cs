using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>The binary with its blocks in an object service: the AWS SDK in it talks to a stub of S3 with faults on demand.</summary>
public sealed class S3StorageTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly S3Stub _s3 = new();

    public void Dispose() => _s3.Dispose();

    [Fact]
    public async Task Blocks_go_to_the_bucket_and_are_found_there_also_after_a_kill()
    {
        await using var tempo = await StartAsync();
        var trace = await SendAndFlushAsync(tempo);
        await UploadedAsync(tempo);

        Assert.All(_s3.Objects.Keys, name => Assert.StartsWith("traces/single-tenant/", name, StringComparison.Ordinal));
        await FoundAsync(tempo, trace);

        await tempo.KillAsync();
        await tempo.StartAsync();
        await FoundAsync(tempo, trace);
    }

    [Fact]
    public async Task An_outage_costs_nothing_that_was_acknowledged_and_is_over_by_itself()
    {
        await using var tempo = await StartAsync();
        _s3.Faults = (_, _) => new() { Status = 503 };
        var before = await SendAndFlushAsync(tempo);
        await FoundAsync(tempo, before);

        await tempo.KillAsync();
        await tempo.StartAsync(); // the service is still down, and what it holds is not known
        var during = await SendAndFlushAsync(tempo);
        foreach (var trace in (SpanFacts[][])[before, during])
        {
            var found = await tempo.Api.AskAsync($"/api/v2/traces/{trace[0].TraceId}");
            Assert.Equal((200, true), (found.Status, found.Text.Contains("PARTIAL", StringComparison.Ordinal)));
            Assert.Contains((trace[0].TraceId, trace.Length), await tempo.Api.SearchAsync("{}"));
        }

        Assert.Empty(_s3.Objects);

        _s3.Faults = null;
        await UploadedAsync(tempo);
        await KnownAsync(tempo, before[0].TraceId);
        await FoundAsync(tempo, before);
        await FoundAsync(tempo, during);
    }

    [Fact]
    public async Task A_bucket_that_another_node_wrote_is_served()
    {
        string folder;
        SpanFacts[] trace;
        await using (var writer = await StartAsync())
        {
            trace = await SendAndFlushAsync(writer);
            await UploadedAsync(writer);
            folder = writer.Folder;
        }

        await using var reader = await StartAsync();
        Assert.NotEqual(folder, reader.Folder);
        await FoundAsync(reader, trace);
    }

    [Fact]
    public async Task Secrets_are_not_printed()
    {
        await using var tempo = await StartAsync();
        var config = await tempo.Api.AskAsync("/status/config");
        Assert.Contains("secret_key: <secret>", config.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", config.Text + tempo.Log, StringComparison.Ordinal);
    }

    private Task<TempoProcess> StartAsync() => TempoProcess.StartAsync(new TempoSettings
    {
        Storage = $"    backend: s3\n    blocklist_poll: 1s\n    s3: {{bucket: b, prefix: traces, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, access_key: id, secret_key: canary-secret}}\n",
    });

    private static async Task<SpanFacts[]> SendAndFlushAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var trace = Spans.NewTrace(5);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        await tempo.Api.FlushAsync();
        return trace;
    }

    private static async Task FoundAsync(TempoProcess tempo, SpanFacts[] trace)
    {
        Assert.Equal(trace.Length, (await tempo.Api.FindTraceAsync(trace[0].TraceId)).Count);
        Assert.Contains((trace[0].TraceId, trace.Length), await tempo.Api.SearchAsync("{}"));
    }

    // The block list was read: answers are whole.
    private static async Task KnownAsync(TempoProcess tempo, string trace)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while ((await tempo.Api.AskAsync($"/api/v2/traces/{trace}")).Text.Contains("PARTIAL", StringComparison.Ordinal))
        {
            Assert.True(clock.Elapsed < Patience, $"answers stay partial:\n{tempo.Log}");
            await Task.Delay(50);
        }
    }

    // Every local block is in the bucket and gone from the folder.
    private async Task UploadedAsync(TempoProcess tempo)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (Directory.EnumerateFiles(tempo.BlocksFolder, "*", SearchOption.AllDirectories)
            .Any(static path => !path.EndsWith("/blocks.lock", StringComparison.Ordinal))
                || !_s3.Objects.Keys.Any(static name => name.EndsWith("/meta.json", StringComparison.Ordinal)))
        {
            Assert.True(clock.Elapsed < Patience, $"not uploaded:\n{tempo.Log}");
            await Task.Delay(50);
        }
    }
}
