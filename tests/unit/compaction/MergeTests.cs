using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;

namespace Tempo.Compaction.Tests;

/// <summary>What comes out of a merge is what went into its inputs, each span once; and always the same bytes.</summary>
public sealed class MergeTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Random_traces_over_random_blocks_come_back_whole_and_once(int seed)
    {
        using var folder = BlockFolder.Create();
        var random = new Random(seed);
        var requests = new RandomRequests(seed, traceCount: random.Next(2, 60));
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        var columns = random.Next(3) switch { 0 => DedicatedColumns.None, 1 => TestColumns.Others, _ => TestColumns.Some };
        var inputs = new List<BlockMeta>();
        for (var block = random.Next(2, 5); block > 0; block--)
        {
            byte[][] sent = [.. Enumerable.Range(0, random.Next(6, 40)).Select(_ => requests.Next())];
            foreach (var request in sent) model.Add(request);
            inputs.Add(await folder.WriteAsync(Layout(random, columns), sent));
        }

        var expected = model.Expected(fromBlock: true);
        var rowsBefore = inputs.Sum(static input => input.TotalObjects);
        var objects = folder.OpenObjects();
        var store = folder.OpenStore(objects);
        var compactor = BlockFolder.Compactor(objects, store, Layout(random, DedicatedColumns.None));
        var job = new CompactionJob(inputs);
        var (output, counts) = await compactor.MergeAsync(job, default);

        Assert.NotNull(output);
        Assert.Equal(expected.Count, output.TotalObjects);
        Assert.Equal(rowsBefore - expected.Count, counts.CombinedTraces);
        Assert.Equal((1, columns.Specs.Count), (output.CompactionLevel, output.DedicatedColumns.Specs.Count));
        Assert.Equal((inputs.Min(static input => input.StartSeconds), inputs.Max(static input => input.EndSeconds)), (output.StartSeconds, output.EndSeconds));

        var first = Files(folder, output.BlockId);
        Directory.Delete(folder.PathOf(output.BlockId), recursive: true);
        await compactor.MergeAsync(new CompactionJob(inputs.AsEnumerable().Reverse()), default);
        Assert.Equal(first, Files(folder, output.BlockId));

        await compactor.RetireAsync(job.Tenant, inputs.Select(static input => input.BlockId), default);
        var (traces, rows) = await folder.ReadAllAsync();
        Assert.Equal(expected.Count, rows);
        Assert.Equal(expected.OrderBy(static trace => trace.Key, StringComparer.Ordinal), traces);
    }

    [Fact]
    public async Task A_trace_in_two_blocks_gets_one_tree()
    {
        using var folder = BlockFolder.Create();
        var root = Spans.New(1, start: 1_000);
        var child = Spans.New(2, parent: 1, start: 2_000);
        var grandchild = Spans.New(3, parent: 2, start: 3_000);
        BlockMeta[] inputs =
        [
            await folder.WriteAsync(new BlockWriterOptions(), Spans.Request(Spans.Of("s", "l", grandchild, root))),
            await folder.WriteAsync(new BlockWriterOptions(), Spans.Request(Spans.Of("s", "l", child, root))),
        ];
        var objects = folder.OpenObjects();
        var store = folder.OpenStore(objects);
        var (output, counts) = await BlockFolder.Compactor(objects, store, new BlockWriterOptions()).MergeAsync(new CompactionJob(inputs), default);

        Assert.Equal(new MergeCounts(CombinedTraces: 1, DuplicateSpans: 1, LeftOutTraces: 0), counts);
        var parquet = folder.PathOf(output!.BlockId, "data.parquet");
        using var file = new FileParquetSource(parquet);
        var data = new ColumnData();
        var reader = ParquetFileReader.Open(file, output.FooterSizeBytes);
        int[] Column(string path)
        {
            reader.OpenColumn(0, reader.Schema.GetColumn(path)).Read(0, 1, data);
            return data.Int32s.AsSpan(0, data.ValueCount).ToArray();
        }

        Assert.Equal([1, 2, 3], Column("rs.ss.Spans.NestedSetLeft"));
        Assert.Equal([6, 5, 4], Column("rs.ss.Spans.NestedSetRight"));
        Assert.Equal([-1, 1, 2], Column("rs.ss.Spans.ParentID"));
    }

    [Theory]
    [InlineData("a flipped bit in the middle of the data")]
    [InlineData("no data")]
    [InlineData("a trace fewer than meta.json says")]
    public async Task A_damaged_input_is_named_and_nothing_is_written(string damage)
    {
        using var folder = BlockFolder.Create();
        BlockMeta[] inputs = [await folder.WriteAsync(new BlockWriterOptions(), Request(1, 50)), await folder.WriteAsync(new BlockWriterOptions(), Request(40, 90))];
        var data = folder.PathOf(inputs[1].BlockId, "data.parquet");
        if (damage == "no data") File.Delete(data);
        else if (damage.Contains("fewer", StringComparison.Ordinal)) inputs[1] = inputs[1] with { TotalObjects = inputs[1].TotalObjects + 1 };
        else
        {
            var bytes = await File.ReadAllBytesAsync(data);
            bytes[(bytes.Length - inputs[1].FooterSizeBytes) / 3] ^= 1;
            await File.WriteAllBytesAsync(data, bytes);
        }

        var objects = folder.OpenObjects();
        var job = new CompactionJob(inputs);
        var thrown = await Assert.ThrowsAsync<DamagedInputException>(() => BlockFolder.Compactor(objects, folder.OpenStore(objects), new BlockWriterOptions()).MergeAsync(job, default));
        Assert.Equal(inputs[1].BlockId, thrown.Block.BlockId);
        Assert.False(Directory.Exists(folder.PathOf(job.OutputId)));
        Assert.Equal(2, (await folder.ListAsync()).Count);
    }

    [Fact]
    public async Task Parts_of_a_trace_that_are_too_large_together_stay_apart()
    {
        using var folder = BlockFolder.Create();
        BlockMeta[] inputs =
        [
            await folder.WriteAsync(new BlockWriterOptions(), Request(1, 5)),
            await folder.WriteAsync(new BlockWriterOptions(), Request(5, 9)),
            await folder.WriteAsync(new BlockWriterOptions(), Request(8, 12, startNano: 2_000_000_000)),
        ];
        var objects = folder.OpenObjects();
        var job = new CompactionJob(inputs);
        var layout = new BlockWriterOptions { PageEntries = 1 };
        var compactor = BlockFolder.Compactor(objects, folder.OpenStore(objects), layout);
        // The trace in two blocks: its span, sent with two start times, is one again.
        Assert.NotNull((await compactor.MergeAsync(job, default)).Output);

        var second = await folder.WriteAsync(new BlockWriterOptions(), Spans.Request(Spans.Of("s", "l", Spans.New(99, trace: new TraceId(8 * 7919, 8)))));
        var thrown = await Assert.ThrowsAsync<OversizedTraceException>(() => compactor.MergeAsync(new CompactionJob([.. inputs, second]), default));
        Assert.Equal(new[] { inputs[1].BlockId, inputs[2].BlockId, second.BlockId }.Order(), thrown.Blocks.Select(static block => block.BlockId).Order());
    }

    /// <summary>One trace for each number, with one span.</summary>
    internal static byte[] Request(int from, int to, ulong startNano = 1_000_000_000) => Spans.Request(Spans.Of(
        "s", "l", [.. Enumerable.Range(from, to - from).Select(i => Spans.New((ulong)i, start: startNano + (ulong)i, trace: new TraceId((ulong)i * 7919, (ulong)i)))]));

    private static BlockWriterOptions Layout(Random random, DedicatedColumns columns) =>
        new() { PageSpans = random.Next(1, 60), RowGroupSpans = random.Next(1, 200), DedicatedColumns = columns };

    private static Dictionary<string, string> Files(BlockFolder folder, BlockId block) =>
        Directory.GetFiles(folder.PathOf(block)).ToDictionary(static path => Path.GetFileName(path), static path => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))));
}
