using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>
/// What a query that nobody asked before reads of blocks in S3: requests are counted where they arrive. Each column of ids has more bytes
/// than are read at once at the least (256 KiB), so that a column is a request of its own unless somebody sees to it.
/// </summary>
public sealed class ColdQueryTests : IDisposable
{
    private const int Flushes = 2, RequestsPerFlush = 35, SpansPerRequest = 1000, TextCharacters = 300;

    // The footer and the first bytes.
    private const int RequestsForTheFile = 2;

    private readonly S3Stub _s3 = new();
    private readonly ConcurrentQueue<string> _read = new();

    public void Dispose() => _s3.Dispose();

    [Fact]
    public async Task At_most_three_requests_a_row_group_whatever_is_asked()
    {
        var (traces, start) = await WriteAsync();
        var (blocks, rowGroups, bytes) = Stored();
        Assert.True(bytes / rowGroups > 2 << 20, $"{bytes} bytes in {rowGroups} row groups: too few to tell anything");
        var range = $"start={start}&end={start + 600}";
        foreach (var (asked, path) in new[]
                 {
                     ("a search that finds nothing", $"/api/search?q={Uri.EscapeDataString("{ name = \"cold\" && duration > 1h }")}&{range}"),
                     ("a search of everything", $"/api/search?q={Uri.EscapeDataString("{}")}&limit=20&{range}"),
                     ("a search that finds one trace, and selects",
                         $"/api/search?q={Uri.EscapeDataString($"{{ span.seq = {SpansPerRequest - 1} }} | select(span.text, resource.service.name, event:name)")}&limit=1000&{range}"),
                     ("a structural search", $"/api/search?q={Uri.EscapeDataString("{ span.seq = 0 } >> { .text =~ \".*7f.*\" && kind = server } | count() > 1")}&limit=1000&{range}"),
                     ("a metrics query", $"/api/metrics/query_range?q={Uri.EscapeDataString("{ span.text != nil } | rate() by (resource.service.name, name)")}&step=60s&{range}"),
                     ("quantiles", $"/api/metrics/query_range?q={Uri.EscapeDataString("{ kind = server } | quantile_over_time(duration, .9) by (span.shard)")}&step=60s&{range}"),
                     ("tag names", $"/api/v2/search/tags?{range}"),
                     ("tag values of a filter", $"/api/v2/search/tag/span.text/values?q={Uri.EscapeDataString("{ span.seq = 5 }")}&{range}"),
                     ("tag values", $"/api/v2/search/tag/span.shard/values?{range}"),
                 })
        {
            var (requests, answer) = await ColdAsync(path);
            Assert.True(requests <= (3 * rowGroups) + (RequestsForTheFile * blocks),
                $"{asked}: {requests} requests for {rowGroups} row groups in {blocks} blocks\n{string.Join('\n', _read)}\n{answer}");
        }

        // In one row group, of one block.
        foreach (var trace in traces)
        {
            var (requests, answer) = await ColdAsync($"/api/v2/traces/{trace[0].TraceId}");
            Assert.True(requests is > 0 and <= 3 + RequestsForTheFile,
                $"a trace by its id: {requests} requests\n{string.Join('\n', _read)}\n{answer}");
        }
    }

    // Requests for data that a process makes, which knows the blocks and has read nothing of them.
    private async Task<(int Requests, string Answer)> ColdAsync(string path)
    {
        await using var tempo = await StartAsync();
        await Eventually.HoldsAsync("the bucket was listed",
            async () =>
                !(await tempo.Api.AskAsync($"/api/v2/traces/{Spans.NewTraceId()}")).Text.Contains("PARTIAL", StringComparison.Ordinal));
        _read.Clear();
        _s3.Faults = Note;
        var answer = await tempo.Api.AskAsync(path);
        _s3.Faults = null;
        Assert.True(answer.Status == 200, answer.ToString());
        return (_read.Count, answer.Text);
    }

    private ServiceStub.Fault? Note(int number, HttpListenerRequest request)
    {
        if (request.Url!.AbsolutePath.EndsWith("/data.parquet", StringComparison.Ordinal))
            _read.Enqueue($"{request.HttpMethod} {request.Url.AbsolutePath} {request.Headers["Range"]}");
        return null;
    }

    // Blocks of random texts, so that they do not become small.
    private async Task<(List<SpanFacts[]> Traces, long Start)> WriteAsync()
    {
        var traces = new List<SpanFacts[]>();
        var start = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 300;
        var random = new Random(7);
        await using var tempo = await StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        for (var flush = 0; flush < Flushes; flush++)
        {
            for (var request = 0; request < RequestsPerFlush; request++)
            {
                SpanFacts[] trace = [.. Spans.NewTrace(SpansPerRequest, "cold")
                    .Select(span => span with { Attributes =
                        [.. span.Attributes, new("text", $"string:{Text(random)}"), new("shard", $"int:{random.Next(100)}")] })];
                if (request == 0) traces.Add(trace);
                Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
            }

            await tempo.Api.FlushAsync();
        }

        await Eventually.HoldsAsync(
            "all blocks are in the bucket", () => _s3.Objects.Keys.Any(static name => name.EndsWith("/meta.json", StringComparison.Ordinal))
                && !Directory.EnumerateFiles(tempo.BlocksFolder, "meta.json", SearchOption.AllDirectories).Any());
        return (traces, start);
    }

    private static string Text(Random random)
    {
        Span<byte> bytes = stackalloc byte[TextCharacters / 2];
        random.NextBytes(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    private (int Blocks, int RowGroups, long Bytes) Stored()
    {
        var (blocks, groups, bytes) = (0, 0, 0L);
        foreach (var (name, (content, _)) in _s3.Objects)
        {
            if (name.EndsWith("/data.parquet", StringComparison.Ordinal)) bytes += content.Length;
            if (!name.EndsWith("/meta.json", StringComparison.Ordinal)) continue;
            using var meta = JsonDocument.Parse(content);
            blocks++;
            groups += meta.RootElement.GetProperty("totalRecords").GetInt32();
        }

        return (blocks, groups, bytes);
    }

    private Task<TempoProcess> StartAsync() => TempoProcess.StartAsync(new TempoSettings
    {
        CompactionCycle = "1h",
        Storage = string.Create(CultureInfo.InvariantCulture,
            $"    backend: s3\n    blocklist_poll: 1s\n    s3: {{bucket: b, prefix: traces, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, access_key: id, secret_key: key}}\n"),
        More = "cache: {disk: {max_bytes: 0}}\ningester: {max_block_bytes: 1000000000}\n",
    });
}
