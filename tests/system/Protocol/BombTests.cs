using System.IO.Compression;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>Small bodies that decompress to very large ones, many at once: they cost the memory of the few that are decompressed
/// at a time, and not of all of them, and it goes back.</summary>
public sealed class BombTests
{
    private const int Bombs = 24;
    private const int LimitMiB = 64;

    /// <summary>What the account for requests has room for at once: two at most, and each thread's first 4 MiB of others.</summary>
    private const int PeakGrowthMiB = 256;

    [Fact]
    public async Task Bombs_are_decompressed_one_after_the_other()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var http = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var spans = Spans.NewTrace(100);
        var request = ExportRequest.Encode(spans);
        for (var i = 0; i < 20; i++) Assert.Equal(200, (await http.PostAsync(request)).Status);
        var before = tempo.ResidentMiB();
        var bomb = Gzip(new byte[(LimitMiB + 2) << 20]);
        Assert.InRange(bomb.Length, 1, 100_000);

        using var client = new HttpClient();
        var answers = await Task.WhenAll(Enumerable.Range(0, Bombs).Select(_ => PostAsync(client, tempo.OtlpHttpUrl, bomb)));
        Assert.All(answers, status => Assert.True(status is 413 or 503, $"status {status}"));
        Assert.Contains(413, answers);
        Assert.InRange(tempo.PeakResidentMiB() - before, 0, PeakGrowthMiB);
        Assert.Equal(200, (await http.PostAsync(request)).Status);
        await Eventually.HoldsAsync("the memory has gone back", () => Task.FromResult(tempo.ResidentMiB() - before < LimitMiB / 2));
        Assert.Equal(0, (await tempo.Api.MetricsAsync()).Sum("tempo_receiver_inflight_bytes"));
    }

    private static async Task<int> PostAsync(HttpClient client, string url, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/x-protobuf");
        content.Headers.ContentEncoding.Add("gzip");
        using var answer = await client.PostAsync(url, content, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;
    }

    private static byte[] Gzip(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize)) gzip.Write(content);
        return compressed.ToArray();
    }
}
