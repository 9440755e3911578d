using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Inspect;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Live;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>
/// Row groups between whose ids no other input has any are copied. What comes out is, to the byte and in every object of the block,
/// what writing them anew gives: so wrong bytes, wrong places or a forgotten filter cannot pass.
/// </summary>
public sealed class CopiedRowGroupTests
{
    private static readonly BlockWriterOptions Layout =
        new() { ZstdLevel = 6, PageSpans = 10, RowGroupSpans = 40, DedicatedColumns = TestColumns.Some };

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 6)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Inputs_side_by_side_become_what_writing_them_anew_gives(int seed)
    {
        using var folder = BlockFolder.Create();
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        BlockMeta[] inputs = [await CompactedAsync(folder, model, seed, 0x10), await CompactedAsync(folder, model, seed + 100, 0x80)];
        var job = new CompactionJob(inputs);
        var (copied, counts) = await MergeAsync(folder, job, copies: true);
        var bytes = ChunkBytes(folder, copied);
        Assert.True(counts.CopiedRowGroups >= 2, $"seed {seed}: {counts.CopiedRowGroups} row groups were copied");
        Assert.InRange(counts.CopiedBytes, 1, bytes.Sum(static group => (long)group.Length));
        // Each copied row group stands in an input, and so in the output, byte for byte.
        var known = inputs.SelectMany(input => ChunkBytes(folder, input)).Select(Convert.ToBase64String).ToHashSet();
        Assert.InRange(bytes.Where(group => known.Contains(Convert.ToBase64String(group))).Sum(static group => (long)group.Length),
            counts.CopiedBytes, long.MaxValue);
        await VerifyAsync(folder, copied);
        // The same again, from inputs in another order.
        var first = Files(folder, copied.BlockId);
        Directory.Delete(folder.PathOf(copied.BlockId), recursive: true);
        await MergeAsync(folder, new CompactionJob(inputs.Reverse()), copies: true);
        Assert.Equal(first, Files(folder, copied.BlockId));

        await RetireAsync(folder, inputs);
        Assert.Equal(model.Expected(fromBlock: true).OrderBy(static trace => trace.Key, StringComparer.Ordinal),
            (await folder.ReadAllAsync()).Traces);
    }

    /// <summary>A block without one of its traces: what lies before that is as it was, and so is every byte of what is written.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_block_without_its_last_trace_is_the_same_to_the_byte_copied_or_not(int seed)
    {
        using var folder = BlockFolder.Create();
        // Without columns of their own: of a key that a span has twice one value goes to the column, and the other one at the next time.
        var layout = Layout with { DedicatedColumns = DedicatedColumns.None };
        var input = await CompactedAsync(folder, new TraceModel(BlockFolder.MaxAttributeBytes), seed, 0x40, layout);
        TraceId last;
        using (var block = await folder.OpenStore(folder.OpenObjects()).OpenAsync(input, default)) last = block.ReadTraceIds(default)[^1];
        var deleted = DeletedTraces.None.With([last], DateTimeOffset.UnixEpoch)!;
        var job = CompactionJob.Rewrite(input, [last]);
        var (copied, counts) = await MergeAsync(folder, job, copies: true, deleted, layout);
        Assert.Equal((1, input.RowGroupCount - 1), (counts.LeftOutTraces, counts.CopiedRowGroups));
        var chunks = Chunks(folder, copied);
        var files = Files(folder, copied.BlockId);
        Assert.Contains(files, static file => file.StartsWith("tempo.sidecar", StringComparison.Ordinal));
        await VerifyAsync(folder, copied);
        Directory.Delete(folder.PathOf(copied.BlockId), recursive: true);
        var (_, none) = await MergeAsync(folder, job, copies: false, deleted, layout);
        Assert.Equal((0, 0L), (none.CopiedRowGroups, none.CopiedBytes));
        foreach (var (name, bytes) in Chunks(folder,
            copied)) Assert.True(
                bytes.AsSpan().SequenceEqual(chunks[name]), $"seed {seed}: {name} was copied otherwise than it is written");
        Assert.Equal(files, Files(folder, copied.BlockId));
    }

    public static TheoryData<string> Reasons =>
        ["another level of zstd", "other dedicated columns", "another version", "ids between each other", "a small row group", "no index"];

    [Theory]
    [MemberData(nameof(Reasons))]
    public async Task Nothing_is_copied_where_it_would_not_be_what_is_written(string reason)
    {
        using var folder = BlockFolder.Create();
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        BlockMeta[] inputs = [await CompactedAsync(folder, model, 1, 0x10),
            await CompactedAsync(folder, model, 2, reason == "ids between each other" ? (byte)0x10 : (byte)0x80)];
        if (reason == "no index") foreach (var input in inputs) File.Delete(folder.PathOf(input.BlockId, "index"));
        var layout = reason switch
        {
            "another level of zstd" => Layout with { ZstdLevel = 7 },
            "other dedicated columns" => Layout with { DedicatedColumns = DedicatedColumns.None },
            "another version" => Layout with { Version = Engine.Storage.Blocks.Versions.BlockVersion.Get("vParquet4") },
            "a small row group" => Layout with { RowGroupSpans = 4000 },
            _ => Layout,
        };
        var (output, counts) = await MergeAsync(folder, new CompactionJob(inputs), copies: true, layout: layout);
        Assert.Equal(0, counts.CopiedBytes);
        await VerifyAsync(folder, output);
        await RetireAsync(folder, inputs);
        Assert.Equal(model.Expected(fromBlock: true).OrderBy(static trace => trace.Key, StringComparer.Ordinal),
            (await folder.ReadAllAsync()).Traces);
    }

    [Fact]
    public async Task A_damaged_page_is_not_copied()
    {
        using var folder = BlockFolder.Create();
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        BlockMeta[] inputs = [await CompactedAsync(folder, model, 1, 0x10), await CompactedAsync(folder, model, 2, 0x80)];
        var path = folder.PathOf(inputs[0].BlockId, "data.parquet");
        var sound = await File.ReadAllBytesAsync(path);
        var end = ChunkBytes(folder, inputs[0])[0].Length;
        for (var at = 4; at < end; at += Math.Max(1, end / 60))
        {
            var bytes = sound.ToArray();
            bytes[at] ^= 0x20;
            await File.WriteAllBytesAsync(path, bytes);
            var thrown = await Record.ExceptionAsync(() => MergeAsync(folder, new CompactionJob(inputs), copies: true));
            Assert.True(
                thrown is DamagedInputException damaged && damaged.Block.BlockId == inputs[0].BlockId, $"byte {at} of {end}: {thrown}");
        }
    }

    // As compaction leaves it: of two blocks whose traces lie between each other.
    private static async Task<BlockMeta> CompactedAsync(
        BlockFolder folder, TraceModel model, int seed, byte firstIdByte, BlockWriterOptions? layout = null)
    {
        var requests = new RandomRequests(seed, traceCount: 120, firstIdByte);
        var inputs = new List<BlockMeta>();
        for (var block = 0; block < 2; block++)
        {
            byte[][] sent = [.. Enumerable.Range(0, 60).Select(_ => requests.Next())];
            foreach (var request in sent) model.Add(request);
            inputs.Add(await folder.WriteAsync((layout ?? Layout) with { ZstdLevel = 3 }, sent));
        }

        var (output, counts) = await MergeAsync(folder, new CompactionJob(inputs), copies: true, layout: layout);
        Assert.Equal(0, counts.CopiedBytes);
        Assert.True(output.RowGroupCount > 2, $"{output.RowGroupCount} row groups");
        await RetireAsync(folder, inputs);
        return output;
    }

    private static async Task<(BlockMeta Output, MergeCounts Counts)> MergeAsync(
        BlockFolder folder, CompactionJob job, bool copies, DeletedTraces? deleted = null, BlockWriterOptions? layout = null)
    {
        var objects = folder.OpenObjects();
        var options = new CompactionOptions { Layout = layout ?? Layout, CopiesRowGroups = copies };
        var columns = (layout ?? Layout).DedicatedColumns;
        var compactor = new BlockCompactor(
            objects, folder.OpenStore(objects), new CompactedBlocks(objects, new SteadyClock(TimeProvider.System)), options, _ => columns);
        var merged = await compactor.MergeAsync(job, deleted ?? DeletedTraces.None, default);
        return (merged.Output!, merged.Counts);
    }

    private static async Task RetireAsync(BlockFolder folder, IEnumerable<BlockMeta> inputs)
    {
        var objects = folder.OpenObjects();
        await BlockFolder.Compactor(objects, folder.OpenStore(objects), Layout)
            .RetireAsync(TenantId.Single, inputs.Select(static input => input.BlockId), default);
    }

    private static async Task VerifyAsync(BlockFolder folder, BlockMeta block)
    {
        var objects = folder.OpenObjects();
        var report = await BlockVerifier.VerifyAsync(objects, folder.OpenStore(objects), TenantId.Single, block.BlockId, default);
        Assert.Empty(report.Problems);
    }

    // The pages of each row group, one behind the other.
    private static List<byte[]> ChunkBytes(BlockFolder folder, BlockMeta block)
    {
        var bytes = File.ReadAllBytes(folder.PathOf(block.BlockId, "data.parquet"));
        var file = ParquetFileReader.Open(new MemoryParquetSource(bytes), block.FooterSizeBytes);
        return [.. file.RowGroups.Select(
            group => bytes[(int)group.Columns[0].StartOffset..(int)(group.Columns[^1].StartOffset
                + group.Columns[^1].CompressedSizeBytes)])];
    }

    private static Dictionary<string, byte[]> Chunks(BlockFolder folder, BlockMeta block)
    {
        var bytes = File.ReadAllBytes(folder.PathOf(block.BlockId, "data.parquet"));
        var file = ParquetFileReader.Open(new MemoryParquetSource(bytes), block.FooterSizeBytes);
        var chunks = new Dictionary<string, byte[]>();
        for (var group = 0; group < file.RowGroups.Count; group++)
            foreach (var column in file.Schema.Columns)
                if (file.RowGroups[group].Columns[column.Index] is var chunk)
                    chunks.Add($"row group {group}, {column.Path}",
                        bytes[(int)chunk.StartOffset..(int)(chunk.StartOffset + chunk.CompressedSizeBytes)]);
        return chunks;
    }

    private static List<string> Files(BlockFolder folder, BlockId block) =>
        [.. Directory.GetFiles(folder.PathOf(block)).Order(StringComparer.Ordinal)
            .Select(static path => $"{Path.GetFileName(path)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}")];
}
