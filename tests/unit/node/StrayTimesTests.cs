using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>Spans with wrong clocks: found by who asks for their time, and without a say in how their block ages.</summary>
public sealed class StrayTimesTests : IDisposable
{
    private const ulong Second = 1_000_000_000;
    private const ulong Year2100 = 4_102_444_800 * Second;
    private readonly string _root = TestFolder.Create("tempo-stray-");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("1100-1110", 1100, 1110, 0, 0)]
    [InlineData("1000-1000 1300-1300", 1000, 1300, 0, 0)] // both ends of the window are in it
    [InlineData("1100-1110 0-5", 1100, 1110, 0, 5)]
    [InlineData("1100-1110 4000-5000", 1100, 1110, 4000, 5000)]
    [InlineData("1100-1110 0-1150", 1100, 1150, 0, 1150)] // what ends now counts with its end
    [InlineData("1100-1110 1050-9000", 1050, 1110, 1050, 9000)]
    [InlineData("3-4 4000-5000", 1000, 1300, 3, 5000)] // none counts: as near as can be
    [InlineData("7000-8000", 1300, 1300, 7000, 8000)]
    public async Task A_meta_counts_times_near_those_at_which_spans_came_in(
        string spans, long start, long end, long strayStart, long strayEnd)
    {
        using var folder = BlockFolder.Create();
        var meta = await WriteAsync(folder, new TimeWindow(1000 * Second, 1300 * Second), 1, Parse(spans));
        Assert.Equal((start, end), (meta.StartSeconds, meta.EndSeconds));
        Assert.Equal(strayEnd == 0 ? null : new StrayTimes(strayStart, strayEnd), meta.Stray);
        Assert.Equal(meta, Assert.Single(await folder.ListAsync()));
        Assert.True(meta.EarliestSeconds <= start && meta.LatestSeconds >= end);

        var problems = (await BlockVerifierProblemsAsync(folder, meta)).ToList();
        Assert.Empty(problems);
    }

    [Fact]
    public async Task Compaction_keeps_them_apart()
    {
        using var folder = BlockFolder.Create();
        var first = await WriteAsync(folder, new TimeWindow(1000 * Second, 1300 * Second), 1, Parse("1100-1110 0-5"));
        var second = await WriteAsync(folder, new TimeWindow(1200 * Second, 1600 * Second), 100, Parse("1500-1510 4000-5000"));
        var compactor = BlockFolder.Compactor(folder.OpenObjects(), folder.OpenStore(folder.OpenObjects()), new BlockWriterOptions());
        var output = (await compactor.MergeAsync(new CompactionJob([first, second]), default)).Output!;
        Assert.Equal((1100, 1510, new StrayTimes(0, 5000)), (output.StartSeconds, output.EndSeconds, output.Stray!.Value));
    }

    [Fact]
    public async Task A_node_finds_them_by_their_time_and_lets_their_block_age()
    {
        var options = new NodeOptions
        {
            WalPath = Path.Combine(_root, "wal"),
            BlocksPath = Path.Combine(_root, "blocks"),
            WalSegmentBytes = 1 << 20,
            CompactionCycle = TimeSpan.FromHours(1)
        };
        var metrics = new MetricRegistry();
        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await using (var node = await TempoNode.StartAsync(options, metrics, Log.Null, TimeProvider.System))
        {
            using var request = new NativeBuffer();
            request.Append(Spans.Request(
                Spans.Of("s", "l", Span(1, now * Second, now * Second), Span(2, Year2100, Year2100 + 1), Span(3, 0, 1))));
            Assert.Equal(3, (await node.IngestAsync(TenantId.Single, request)).AcceptedSpans);
            await node.FlushAsync(default);
            Assert.Equal(2, metrics.Counter("tempo_warnings_total", "", "tenant", "reason")
                .With("single-tenant", "outside_ingestion_time_slack").Value);

            Assert.Equal([1], await FindAsync(node, (uint)now - 60, (uint)now + 60));
            Assert.Equal([2], await FindAsync(node, (uint)(Year2100 / Second) - 60, (uint)(Year2100 / Second) + 60));
            Assert.Equal([3], await FindAsync(node, 0, 60));
        }

        using var folder = BlockFolder.Create();
        var json =
            await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(options.BlocksPath, "meta.json", SearchOption.AllDirectories)));
        Assert.True(BlockMeta.TryParse(json, out var meta, out _));
        Assert.InRange(meta!.StartSeconds, (long)now - 1, (long)now + 1);
        Assert.InRange(meta.EndSeconds, (long)now - 1, (long)now + 1);
        Assert.Equal(new StrayTimes(0, (long)(Year2100 / Second) + 1), meta.Stray);
    }

    private static async Task<List<int>> FindAsync(TempoNode node, uint start, uint end)
    {
        var found = await node.SearchAsync(
            TenantId.Single, new SearchRequest { Query = "{}", StartSeconds = start, EndSeconds = end, Limit = 10 }, default);
        Assert.Empty(found.Message);
        return [.. found.Traces.Select(static trace => (int)trace.TraceId.Low).Order()];
    }

    private static Task<IEnumerable<string>> BlockVerifierProblemsAsync(BlockFolder folder, BlockMeta meta) =>
        Engine.Storage.Blocks.Inspect.BlockVerifier.VerifyAsync(
            folder.OpenObjects(), folder.OpenStore(folder.OpenObjects()), meta.Tenant, meta.BlockId, default)
            .ContinueWith(static report => report.Result.Problems.AsEnumerable(), TaskScheduler.Default);

    private static async Task<BlockMeta> WriteAsync(
        BlockFolder folder, TimeWindow times, int firstTrace, IEnumerable<(ulong Start, ulong End)> spans)
    {
        var request =
            Spans.Request(Spans.Of("s", "l", [.. spans.Select((span, i) => Span(firstTrace + i, span.Start * Second, span.End * Second))]));
        return await folder.WriteAsync(new BlockWriterOptions(), times, request);
    }

    private static IEnumerable<(ulong Start, ulong End)> Parse(string spans) =>
        spans.Split(' ').Select(static span => span.Split('-'))
            .Select(static ends => (ulong.Parse(ends[0], null), ulong.Parse(ends[1], null)));

    private static Span Span(int trace, ulong start, ulong end)
    {
        var span = Spans.New((ulong)trace, trace: new TraceId(0, (ulong)trace));
        (span.StartTimeUnixNano, span.EndTimeUnixNano) = (start, end);
        return span;
    }
}
