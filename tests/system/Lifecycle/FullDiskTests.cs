using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;
using Tempo.SystemTests.Torture;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>Data folders on a file system of 160 MiB. Needs root, for mounting it.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private const int DiskMiB = 160;
    private readonly TempoProcess _tempo = TempoProcess.Prepare();
    private readonly List<SpanFacts[]> _acknowledged = [];
    private readonly Random _random = new(1);
    private Mounts? _disk;

    private string Hog => Path.Combine(_tempo.DataFolder, "hog");

    public async ValueTask InitializeAsync()
    {
        Mounts.Need();
        _disk = await Mounts.TmpfsAsync(_tempo.DataFolder, DiskMiB);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            if (!_tempo.HasEnded) await _tempo.KillAsync();
            await _disk.UnmountAsync();
            await _disk.DisposeAsync();
        }

        await _tempo.DisposeAsync();
    }

    /// <summary>The log never takes the space that its data need to become blocks: refused requests are taken once cuts have made
    /// room, until the disk holds nothing but blocks.</summary>
    [Fact]
    public async Task The_log_and_the_blocks_share_a_small_disk()
    {
        await _tempo.StartAsync();
        using var http = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        var refusals = 0;
        for (var i = 0; i < 150; i++)
        {
            var (spans, request) = NewRequest();
            HttpAnswer answer = null!;
            await Eventually.HoldsAsync("a request is taken", async () =>
            {
                answer = await http.PostAsync(request);
                if (answer.Status == 200) return true;
                Assert.True(answer.Status == 503, answer.ToString());
                refusals++;
                return false;
            });
            _acknowledged.Add(spans);
        }

        await _tempo.Api.FlushAsync();
        await CheckAsync();
        TestContext.Current.SendDiagnosticMessage($"{refusals} refusals");
        await _tempo.KillAsync();
        await _tempo.StartAsync();
        Assert.Equal(200, (await http.PostAsync(NewRequest().Request)).Status);
        await CheckAsync();
    }

    [Fact]
    public async Task When_somebody_else_fills_the_disk_requests_are_refused_until_there_is_room_again()
    {
        await _tempo.StartAsync();
        using var http = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        await PostAsync(http);
        Mounts.Fill(Hog);
        HttpAnswer answer;
        do answer = await PostAsync(http);
        while (answer.Status == 200);
        Assert.Equal(503, answer.Status);
        Assert.Equal("30", answer.Headers["Retry-After"]);
        var reason = new RpcStatus(new ProtobufFields(answer.Body)).Message;
        foreach (var part in new[] { _tempo.DataFolder, "bytes free", "storage.trace.wal.reserve_bytes" })
            Assert.Contains(part, reason, StringComparison.Ordinal);
        Assert.Equal(1, (await _tempo.Api.MetricsAsync()).Sum("tempo_wal_disk_full"));

        var flush = await _tempo.Api.AskAsync("/flush", "POST");
        Assert.Equal(503, flush.Status);
        Assert.Contains("live data cannot be written as blocks", flush.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", flush.Text, StringComparison.Ordinal);
        Assert.Equal(503, await _tempo.Api.ReadyStatusAsync());
        await CheckAsync();

        File.Delete(Hog);
        await Eventually.HoldsAsync("requests are taken again", async () => (await PostAsync(http)).Status == 200);
        await Eventually.HoldsAsync("it is ready again", async () => await _tempo.Api.ReadyStatusAsync() == 200);
        await _tempo.Api.FlushAsync();
        await CheckAsync();
        Assert.Equal(0, (await _tempo.Api.MetricsAsync()).Sum("tempo_wal_disk_full"));
    }

    private async Task<HttpAnswer> PostAsync(OtlpHttpClient http)
    {
        var (spans, request) = NewRequest();
        var answer = await http.PostAsync(request);
        if (answer.Status == 200) _acknowledged.Add(spans);
        return answer;
    }

    /// <summary>Some 700 KB that compress to half.</summary>
    private (SpanFacts[] Spans, byte[] Request) NewRequest()
    {
        var bytes = new byte[400];
        var spans = Spans.NewTrace(800);
        for (var i = 0; i < spans.Length; i++)
        {
            _random.NextBytes(bytes);
            spans[i] = spans[i] with { Attributes = [new("noise", "string:" + Convert.ToHexString(bytes))] };
        }

        return (spans, ExportRequest.Encode(spans));
    }

    private async Task CheckAsync()
    {
        foreach (var spans in _acknowledged) Assert.Equal(spans.Length, (await _tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);
    }
}
