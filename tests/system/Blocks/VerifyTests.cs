using System.Globalization;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Blocks;

/// <summary>
/// <c>tempo verify</c> passes on every kind of block that the binary writes, each of which is shown to be there: a tenant a kind, of one
/// server that compacts all the time.
/// </summary>
public sealed class VerifyTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    // Of the limit on the text of a row, 8 MiB: one of these fits, two do not.
    private const int TextsOfRow = 3000, TextBytes = 2000;

    private static readonly TempoSettings Settings = new()
    {
        Multitenancy = true,
        CompactionCycle = "50ms",
        Storage = "    backend: local\n    trace_deletion_enabled: true\n",
    };

    [Fact]
    public async Task Verify_passes_on_a_block_of_every_kind()
    {
        await using var tempo = TempoProcess.Prepare(Settings);
        var huge = Spans.NewTraceId();
        const int hugeSpans = 44; // 22 MB, where twice 8 MiB are read whole
        ForeignBlocks.AddGolden(tempo.BlocksFolder, "foreign", "vParquet4.arrow-snappy-v1.parquet");
        await ForeignBlocks.AddHugeRowAsync(tempo.BlocksFolder, "foreign", Path.Combine(tempo.Folder, "writer"), huge, hugeSpans);
        await GenerateAsync(tempo.BlocksFolder, "foreign");
        await tempo.StartAsync();
        var (deleted, kept, large) = (Spans.NewTrace(), Spans.NewTrace(), Spans.NewTrace(2 * TextsOfRow));
        await SendAsync(tempo, ("cut", Spans.NewTrace(5)), ("merged", Spans.NewTrace(5)), ("deleted", [.. deleted, .. kept]),
            ("promoted", Texts(12_000, 40)), ("parts", WithTexts(large[..TextsOfRow])));
        await SendAsync(tempo, ("merged", Spans.NewTrace(5)), ("promoted", Texts(10, 40)), ("parts", WithTexts(large[TextsOfRow..])));
        Assert.Equal(204, (await tempo.Api.AskAsync($"/api/traces/{deleted[0].TraceId}", "DELETE", tenant: "deleted")).Status);

        await HasAsync(tempo, "cut", blocks => blocks is [{ Level: 0, Format: "vParquet5", Traces: 1 }]);
        await HasAsync(tempo, "merged", blocks => blocks is [{ Level: 1, Traces: 2 }]);
        await HasAsync(tempo, "deleted", blocks => blocks is [{ Traces: 1 }]);
        Assert.Equal(1, (await tempo.Api.MetricsAsync()).Sum("tempodb_compaction_traces_deleted_total"));
        await HasAsync(tempo, "promoted", blocks =>
            blocks is [{ Level: 1 }] && MetaOf(tempo, "promoted", blocks[0]).Contains("\"n\":\"session\"", StringComparison.Ordinal));
        // The same trace of two blocks, too large for one row of the block that they become; and a row of another writer that is.
        await HasAsync(tempo, "parts", blocks => blocks is [{ Level: 1 }, { Level: 1 }] && FlaggedOf(tempo, "parts", blocks) == 1);
        await HasAsync(tempo, "foreign", blocks => blocks.Length >= 3
            && blocks.All(static block => block is { Level: 1, Format: "vParquet5" })
            && FlaggedOf(tempo, "foreign", blocks) == blocks.Length - 1);
        Assert.Equal(2 * TextsOfRow, (await tempo.Api.FindTraceAsync(large[0].TraceId, "parts")).Count);
        Assert.Equal(hugeSpans, (await tempo.Api.FindTraceAsync(huge, "foreign")).Count);
        await tempo.StopAsync();
        foreach (var tenant in Directory.GetDirectories(tempo.BlocksFolder).Select(Path.GetFileName))
            await IsSoundAsync(tempo.BlocksFolder, tenant!);
    }

    [Fact]
    public async Task Verify_passes_on_blocks_of_the_older_version()
    {
        await using var tempo = await TempoProcess.StartAsync(Settings with { BlockVersion = "vParquet4" });
        await SendAsync(tempo, ("cut", Spans.NewTrace(5)), ("merged", Spans.NewTrace(5)));
        await SendAsync(tempo, ("merged", Spans.NewTrace(5)));
        await HasAsync(tempo, "cut", blocks => blocks is [{ Level: 0, Format: "vParquet4" }]);
        await HasAsync(tempo, "merged", blocks => blocks is [{ Level: 1, Format: "vParquet4", Traces: 2 }]);
        await tempo.StopAsync();
        foreach (var tenant in (string[])["cut", "merged"]) await IsSoundAsync(tempo.BlocksFolder, tenant);
    }

    [Theory]
    [InlineData("vParquet3-early.tempo.parquet")]
    [InlineData("vParquet3.tempo.parquet")]
    [InlineData("vParquet4.hyparquet-snappy.parquet")]
    [InlineData("vParquet5.tempo.parquet")]
    public async Task Verify_passes_on_a_block_converted_from(string golden)
    {
        var (from, to) = (Directory.CreateTempSubdirectory("tempo-from-").FullName, Directory.CreateTempSubdirectory("tempo-to-").FullName);
        try
        {
            ForeignBlocks.AddGolden(from, "t", golden);
            await GenerateAsync(from, "t");
            Assert.Matches(
                $" {golden.Split('.', '-')[0]} .*-> .* vParquet5 .* 3 traces", await RunAsync("convert", "--path", from, "--out", to, "t"));
            Assert.True((await BlocksAsync(to, "t")) is [{ Format: "vParquet5", Traces: 3 }]);
            await IsSoundAsync(to, "t");
        }
        finally
        {
            Directory.Delete(from, recursive: true);
            Directory.Delete(to, recursive: true);
        }
    }

    // Each tenant's spans, in requests of some megabytes, and then the cut: a block for each.
    private static async Task SendAsync(TempoProcess tempo, params (string Tenant, SpanFacts[] Spans)[] sent)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        foreach (var (tenant, spans) in sent)
            foreach (var part in spans.Chunk(1000))
                Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(part), tenant: tenant)).Status);
        await tempo.Api.FlushAsync();
    }

    private static SpanFacts[] WithTexts(SpanFacts[] spans) =>
        [.. spans.Select(static span => span with { Attributes = [new("text", $"string:{Text(TextBytes)}")] })];

    private static SpanFacts[] Texts(int traces, int length) =>
        [.. Enumerable.Range(0, traces).Select(_ => Spans.NewTrace()[0] with { Attributes = [new("session", $"string:{Text(length)}")] })];

    private static string Text(int length) =>
        string.Concat(Enumerable.Range(0, (length + 31) / 32).Select(static _ => Guid.NewGuid().ToString("N")))[..length];

    private static async Task HasAsync(TempoProcess tempo, string tenant, Func<ListedBlock[], bool> isThere)
    {
        ListedBlock[] last = [];
        try
        {
            await Eventually.HoldsAsync($"the blocks of tenant {tenant} are as they should be",
                async () => isThere(last = await BlocksAsync(tempo.BlocksFolder, tenant)));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}: {string.Join(", ", last)}\n{tempo.Log}", e);
        }
    }

    private static string MetaOf(TempoProcess tempo, string tenant, ListedBlock block) =>
        File.ReadAllText(Path.Combine(tempo.BlocksFolder, tenant, block.Id, "meta.json"));

    private static int FlaggedOf(TempoProcess tempo, string tenant, ListedBlock[] blocks) =>
        blocks.Count(block => File.Exists(Path.Combine(tempo.BlocksFolder, tenant, block.Id, "nocompact.flg")));

    private static async Task GenerateAsync(string blocksFolder, string tenant)
    {
        Assert.Contains("1 shards", await RunAsync("gen", "bloom", "--path", blocksFolder, tenant), StringComparison.Ordinal);
        Assert.Contains("1 row groups", await RunAsync("gen", "index", "--path", blocksFolder, tenant), StringComparison.Ordinal);
    }

    private static async Task IsSoundAsync(string blocksFolder, string tenant)
    {
        var blocks = await BlocksAsync(blocksFolder, tenant);
        Assert.NotEmpty(blocks);
        Assert.Contains(
            $"{blocks.Length} blocks, 0 problems", await RunAsync("verify", "--path", blocksFolder, tenant), StringComparison.Ordinal);
    }

    // Of the table of `list blocks`, those that are not compacted: their last column is empty.
    private static async Task<ListedBlock[]> BlocksAsync(string blocksFolder, string tenant) =>
    [
        .. (await RunAsync("list", "blocks", "--path", blocksFolder, tenant)).Split('\n')
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(static cells => cells.Length == 8 && Guid.TryParse(cells[0], out _))
            .Select(static cells => new ListedBlock(cells[0], cells[1], Count(cells[2]), Count(cells[3]))),
    ];

    private static int Count(string cell) => int.Parse(cell, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    private static async Task<string> RunAsync(params string[] arguments)
    {
        var run = await ProgramRun.ToEndAsync(Repository.Binary, arguments, Limit);
        Assert.True(run.ExitCode == 0, $"exit code {run.ExitCode}: {run.Everything}");
        return run.Everything;
    }

    private readonly record struct ListedBlock(string Id, string Format, int Level, int Traces);
}
