using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

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
        DedicatedColumns Columns() => random.Next(3) switch { 0 => DedicatedColumns.None, 1 => TestColumns.Others, _ => TestColumns.Some };
        var columns = Columns();
        var inputs = new List<BlockMeta>();
        for (var block = random.Next(2, 5); block > 0; block--)
        {
            byte[][] sent = [.. Enumerable.Range(0, random.Next(6, 40)).Select(_ => requests.Next())];
            foreach (var request in sent) model.Add(request);
            inputs.Add(await folder.WriteAsync(Layout(random, random.Next(4) == 0 ? Columns() : columns), sent));
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
        Assert.Equal(
            (1, new CompactionJob(inputs).DedicatedColumns.Specs.Count), (output.CompactionLevel, output.DedicatedColumns.Specs.Count));
        Assert.Equal((inputs.Min(static input => input.StartSeconds), inputs.Max(static input => input.EndSeconds)),
            (output.StartSeconds, output.EndSeconds));

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
        var (output, counts) =
            await BlockFolder.Compactor(objects, store, new BlockWriterOptions()).MergeAsync(new CompactionJob(inputs), default);

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
        BlockMeta[] inputs = [await folder.WriteAsync(new BlockWriterOptions(), Request(1, 50)),
            await folder.WriteAsync(new BlockWriterOptions(), Request(40, 90))];
        var data = folder.PathOf(inputs[1].BlockId, "data.parquet");
        if (damage == "no data") File.Delete(data);
        else if (damage.Contains("fewer", StringComparison.Ordinal))
            inputs[1] = inputs[1] with { TotalObjects = inputs[1].TotalObjects + 1 };
        else
        {
            var bytes = await File.ReadAllBytesAsync(data);
            bytes[(bytes.Length - inputs[1].FooterSizeBytes) / 3] ^= 1;
            await File.WriteAllBytesAsync(data, bytes);
        }

        var objects = folder.OpenObjects();
        var job = new CompactionJob(inputs);
        var thrown = await Assert.ThrowsAsync<DamagedInputException>(
            () => BlockFolder.Compactor(objects, folder.OpenStore(objects), new BlockWriterOptions()).MergeAsync(job, default));
        Assert.Equal(inputs[1].BlockId, thrown.Block.BlockId);
        Assert.False(Directory.Exists(folder.PathOf(job.OutputId)));
        Assert.Equal(2, (await folder.ListAsync()).Count);
    }

    /// <summary>
    /// What fits into a row is one, and the rest lies in blocks that nobody compacts again; all of it is there, also if the job is
    /// done a second time.
    /// </summary>
    [Fact]
    public async Task Parts_of_a_trace_that_are_too_large_together_stay_apart()
    {
        using var folder = BlockFolder.Create();
        var id = new TraceId(8 * 7919, 8);
        byte[][] requests =
        [
            Request(1, 5),
            Spans.Request(Spans.Of("s", "l", [Spans.New(1, trace: id), Spans.New(2, trace: id), Spans.New(3, trace: id)])),
            Spans.Request(Spans.Of("s", "l", [Spans.New(4, trace: id), Spans.New(5, trace: id)])),
            Spans.Request(Spans.Of("s", "l", [Spans.New(6, trace: id)])),
        ];
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        var inputs = new List<BlockMeta>();
        foreach (var request in requests)
        {
            model.Add(request);
            inputs.Add(await folder.WriteAsync(new BlockWriterOptions(), request));
        }

        var objects = folder.OpenObjects();
        var options = new CompactionOptions { RowLimits = new RowLimits(Entries: 4, TextBytes: long.MaxValue) };
        var compacted = new CompactedBlocks(objects, new SteadyClock(TimeProvider.System));
        var compactor = new BlockCompactor(objects, folder.OpenStore(objects), compacted, options);
        var job = new CompactionJob(inputs);
        var merged = await compactor.MergeAsync(job, default);
        Assert.Equal((5, 1, 2), (merged.Output!.TotalObjects, Assert.Single(merged.Rest).TotalObjects, merged.Counts.PartCount));
        Assert.True(File.Exists(folder.PathOf(merged.Rest[0].BlockId, "nocompact.flg")));
        Assert.Empty(await compactor.UnretiredInputsAsync(merged.Rest[0], default));
        Assert.Equal(merged.Rest, (await compactor.MergeAsync(job, default)).Rest);

        await compactor.RetireAsync(job.Tenant, inputs.Select(static input => input.BlockId), default);
        Assert.Equal(model.Expected(fromBlock: true), (await folder.ReadAllAsync()).Traces);
    }

    /// <summary>One that has no room for its parts is not tried for ever.</summary>
    [Fact]
    public async Task A_trace_of_many_parts_is_compacted_to_an_end()
    {
        using var folder = BlockFolder.Create();
        var id = new TraceId(1, 1);
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        for (var block = 0; block < 9; block++)
        {
            // Two of them are more text than a row may have.
            var request = Spans.Request(
                Spans.Of("s", "l", [.. Enumerable.Range(0, 30).Select(i => Spans.New((ulong)(block * 100 + i + 1), trace: id)),
                    Spans.New(7, trace: new TraceId(2, (ulong)block))]));
            model.Add(request);
            await folder.WriteAsync(new BlockWriterOptions(), request);
        }

        var running = await folder.StartAsync(
            folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow), new RowLimits(Entries: 50, TextBytes: long.MaxValue));
        await running.RunOnceAsync();
        Assert.Equal(model.Expected(fromBlock: true), (await folder.ReadAllAsync()).Traces);
        Assert.Equal(9, running.Blocks.Count());
        Assert.Equal(8, running.Blocks.Count(block => File.Exists(folder.PathOf(block, "nocompact.flg"))));
        Assert.Empty(running.State.View.Quarantined);
    }

    /// <summary>
    /// An attribute with a column of its own in one input and not in the other has one in the output, and keeps its value.
    /// </summary>
    [Fact]
    public async Task Blocks_of_different_dedicated_columns_become_one_with_all_of_them()
    {
        using var folder = BlockFolder.Create();
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        var random = new RandomRequests(5, 20);
        var inputs = new List<BlockMeta>();
        foreach (var columns in new[] { TestColumns.Some, TestColumns.Others, DedicatedColumns.None })
        {
            byte[][] requests = [.. Enumerable.Range(0, 8).Select(_ => random.Next())];
            foreach (var request in requests) model.Add(request);
            inputs.Add(await folder.WriteAsync(new BlockWriterOptions { DedicatedColumns = columns }, requests));
        }

        var objects = folder.OpenObjects();
        var job = new CompactionJob(inputs);
        var output =
            (await BlockFolder.Compactor(objects, folder.OpenStore(objects), new BlockWriterOptions()).MergeAsync(job, default)).Output!;
        // Two of the others have names that are taken.
        Assert.Equal(TestColumns.Some.Specs.Append(TestColumns.Others.Specs[2]), output.DedicatedColumns.Specs);
        foreach (var input in inputs) Directory.Delete(folder.PathOf(input.BlockId), recursive: true);
        Assert.Equal(model.Expected(fromBlock: true), (await folder.ReadAllAsync()).Traces);
    }

    /// <summary>One trace for each number, with one span.</summary>
    internal static byte[] Request(int from, int to, ulong startNano = 1_000_000_000) => Spans.Request(Spans.Of(
        "s", "l", [.. Enumerable.Range(from, to - from)
            .Select(i => Spans.New((ulong)i, start: startNano + (ulong)i, trace: new TraceId((ulong)i * 7919, (ulong)i)))]));

    private static BlockWriterOptions Layout(Random random, DedicatedColumns columns) =>
        new() { PageSpans = random.Next(1, 60), RowGroupSpans = random.Next(1, 200), DedicatedColumns = columns };

    private static Dictionary<string, string> Files(BlockFolder folder, BlockId block) =>
        Directory.GetFiles(folder.PathOf(block))
            .ToDictionary(
                static path => Path.GetFileName(path), static path => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))));
}
