using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Inspect;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// Traces of other writers that are more than a row may be come in pieces: what lies in the blocks that they become is what was there.
/// The limits are small, so that ordinary traces are too large: by what they have, and by what their texts have.
/// </summary>
public sealed class LargeRowTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    public static TheoryData<string, int, int, int> Cases()
    {
        var cases = new TheoryData<string, int, int, int>();
        foreach (var version in ReadForeignBlocksTests.Versions)
            foreach (var (entries, text) in ((int, int)[])[(30, 1 << 20), (1 << 20, 400), (1, 1)])
                cases.Add(version, text % 7 + 1, entries, text);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task They_are_whole_in_the_blocks_of_their_parts(string version, int seed, int entries, int textBytes)
    {
        ForeignBlock[] foreign = [Write(version, seed), Write(version, seed + 100)];
        using var store = ForeignStore.Create(foreign);
        var blocks = store.Open();
        var inputs = await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation);
        var options = new CompactionOptions
        {
            RowLimits = new RowLimits(entries, textBytes),
            Layout = new BlockWriterOptions { PageSpans = 20, RowGroupSpans = 60 }
        };
        var job = new CompactionJob(inputs);
        var merged = await Compactor(store, blocks, options).MergeAsync(job, Cancellation);
        Assert.True(merged.Rest.Count > 2, $"{merged.Rest.Count + 1} blocks: nothing was too large");
        Assert.Equal(merged.Counts.PartCount, merged.Rest.Count + 1);
        Assert.Empty(Directory.GetFiles(Path.Combine(store.Root, "work")));
        foreach (var output in merged.Rest.Prepend(merged.Output!)) await VerifyAsync(store, blocks, output);

        await AssertHoldAsync(blocks, [merged.Output!, .. merged.Rest], ExpectedOf(foreign));

        // Found again by who does the job a second time, and the same to the byte where it is done anew.
        Assert.Equal(merged.Rest.Select(static meta => meta.BlockId),
            (await Compactor(store, blocks, options).MergeAsync(job, Cancellation)).Rest.Select(static meta => meta.BlockId));
        using var twin = ForeignStore.Create(foreign);
        var again = await Compactor(twin, twin.Open(), options).MergeAsync(job, Cancellation);
        Assert.Equal(merged.Rest.Prepend(merged.Output!).Select(meta => DataOf(store, meta)),
            again.Rest.Prepend(again.Output!).Select(meta => DataOf(twin, meta)));
    }

    // By itself the row would not have been looked at; the first part divides it because it is read together with another one.
    [Fact]
    public async Task A_row_that_is_large_only_beside_others_is_whole_in_its_parts()
    {
        TracesData data = new();
        AddRow(data, id: 1, spans: 80, attributes: 30);
        AddRow(data, id: 2, spans: 50, attributes: 0);
        ForeignBlock[] foreign = [ForeignBlock.Write("vParquet4", ForeignTraces.Of("vParquet4", data), TestColumns.Some, ForeignStyle.Tempo,
            1, rowsPerGroup: 7), Write("vParquet4", 200)];
        using var store = ForeignStore.Create(foreign);
        var blocks = store.Open();
        var inputs = await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation);
        var merged = await Compactor(store, blocks, new CompactionOptions { RowLimits = new RowLimits(800, 1 << 20) })
            .MergeAsync(new CompactionJob(inputs), Cancellation);
        Assert.Equal(4, merged.Counts.PartCount);
        await AssertHoldAsync(blocks, [merged.Output!, .. merged.Rest], ExpectedOf(foreign));
    }

    private static Dictionary<string, string[]> ExpectedOf(IEnumerable<ForeignBlock> foreign) => foreign
        .SelectMany(static block => block.Traces.Expected).GroupBy(static trace => trace.Key)
        .ToDictionary(static trace => trace.Key,
            static trace => trace.SelectMany(static spans => spans.Value).Order(StringComparer.Ordinal).ToArray());

    private static void AddRow(TracesData data, byte id, int spans, int attributes)
    {
        var scope = new ScopeSpans { Scope = new() };
        for (var i = 0; i < spans; i++)
        {
            var span = new Span
            {
                TraceId = ByteString.CopyFrom([1, .. new byte[14], id]),
                SpanId = ByteString.CopyFrom(BitConverter.GetBytes(1000L + i + id * 100_000L)),
                Name = "x",
                StartTimeUnixNano = 1_790_000_000_000_000_000,
                EndTimeUnixNano = 1_790_000_001_000_000_000,
            };
            for (var a = 0; a < attributes; a++) span.Attributes.Add(new KeyValue { Key = $"k{a}", Value = new() { IntValue = 1 } });
            scope.Spans.Add(span);
        }

        data.ResourceSpans.Add(new ResourceSpans { Resource = new(), ScopeSpans = { scope } });
    }

    [Fact]
    public async Task A_deleted_one_is_in_none_of_them()
    {
        var foreign = Write("vParquet4", 3);
        using var store = ForeignStore.Create(foreign, Write("vParquet4", 4));
        var blocks = store.Open();
        var inputs = await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation);
        var options = new CompactionOptions { RowLimits = new RowLimits(1, 1) };
        var largest = foreign.Traces.Expected.MaxBy(static trace => trace.Value.Length).Key;
        Assert.True(TraceId.TryParse(largest, out var id));
        var merged = await Compactor(store, blocks, options)
            .MergeAsync(new CompactionJob(inputs), DeletedTraces.None.With([id], DateTimeOffset.UnixEpoch)!, Cancellation);
        foreach (var output in merged.Rest.Prepend(merged.Output!))
        {
            using var reader = await blocks.OpenAsync(output, Cancellation);
            Assert.DoesNotContain(id, reader.ReadTraceIds(Cancellation));
        }
    }

    private static BlockCompactor Compactor(ForeignStore store, BlockStore blocks, CompactionOptions options) =>
        new(store.OpenObjects(), blocks, new CompactedBlocks(store.OpenObjects(), new SteadyClock(TimeProvider.System)), options);

    private static async Task VerifyAsync(ForeignStore store, BlockStore blocks, BlockMeta meta) =>
        Assert.Empty((await BlockVerifier.VerifyAsync(store.OpenObjects(), blocks, TenantId.Single, meta.BlockId, Cancellation)).Problems);

    private static async Task AssertHoldAsync(BlockStore blocks, IReadOnlyList<BlockMeta> metas, Dictionary<string, string[]> expected)
    {
        var sources = new TraceSources([], [.. metas.Select(meta => new BlockHandle(meta, blocks))]);
        foreach (var (id, spans) in expected)
        {
            Assert.True(TraceId.TryParse(id, out var trace));
            using var found = await TraceFinder.FindAsync(sources, trace, 0, 0, Cancellation);
            using var buffer = new NativeBuffer();
            found.WritePart(buffer, int.MaxValue);
            Assert.Equal(spans, TraceModel.Describe(buffer.Written));
        }
    }

    private static string DataOf(ForeignStore store, BlockMeta meta) =>
        Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(
                File.ReadAllBytes(Path.Combine(store.ObjectsPath, meta.Tenant.Value, meta.BlockId.ToString(), "data.parquet"))));

    private static ForeignBlock Write(string version, int seed) => ForeignBlock.Write(
        version, ForeignTraces.Random(version, seed, traceCount: 20, requestCount: 50, isTame: true), TestColumns.Some, ForeignStyle.Tempo,
        seed, rowsPerGroup: 7);
}
