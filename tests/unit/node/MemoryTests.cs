using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>A merge holds pages, not blocks. Alone in the process while it runs: it looks at the whole heap.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    private const int Inputs = 20;
    private const int SpansPerInput = 10_000;
    private const int SpansPerRequest = 1_000;
    private const int SpansPerTrace = 5;

    /// <summary>
    /// The inputs are more than 40 MB as columns. What a merge holds of them: the compressed row group of 60,000 spans, a page of
    /// 500 spans and the dictionaries of a row group of each input, the ids; seen are 10.5 MiB, and 16 where each page takes memory of
    /// its own and is kept until the end of the row group.
    /// </summary>
    private const long MaxGrowthBytes = 13 << 20;
    private const long MaxTextGrowthBytes = 80 << 20;
    private const int LargeRowSpans = 200_000;
    private const long MaxRowGrowthBytes = 96 << 20;

    [Fact]
    public Task Memory_does_not_grow_with_the_inputs()
    {
        var layout = new BlockWriterOptions { PageSpans = 500, RowGroupSpans = 4_000 };
        return MergeAsync(Inputs, SpansPerInput, textBytes: 0, layout, layout with { RowGroupSpans = 60_000 }, MaxGrowthBytes);
    }

    /// <summary>
    /// Four inputs of 10 MB of text, no two texts alike, in the layout that is used. Held are a page of 5 MiB in its stages and a row
    /// group's 10 MiB of distinct text, whatever the size of one: seen are 65 and 58 MiB, and 150 and 92
    /// with pages and row groups of 16 MiB of text.
    /// </summary>
    [Theory]
    [InlineData(2_000)]
    [InlineData(20_000)]
    public Task Memory_does_not_grow_with_the_texts(int textBytes) =>
        MergeAsync(4, 10_000_000 / textBytes, textBytes, new BlockWriterOptions(), new CompactionOptions().Layout, MaxTextGrowthBytes);

    /// <summary>
    /// A trace of 200,000 spans with five attributes each, one row as other writers have it. Held are a page of one leaf with its
    /// levels, and a piece: seen are 68 MiB, and 165 where the row is read whole.
    /// </summary>
    [Fact]
    public async Task Memory_does_not_grow_with_a_row_of_another_writer()
    {
        using var folder = BlockFolder.Create();
        var large = await folder.WriteAsync(
            new BlockWriterOptions { PageTextBytes = long.MaxValue, PageEntries = long.MaxValue, RowGroupDictionaryBytes = long.MaxValue },
            Enumerable.Range(0, LargeRowSpans / SpansPerRequest).Select(OfOneTrace));
        // Without checksums it is nobody's of ours.
        large = large with { Checksums = null };
        await File.WriteAllBytesAsync(folder.PathOf(large.BlockId, "meta.json"), large.ToJson());
        BlockMeta[] inputs = [large, await folder.WriteAsync(new BlockWriterOptions(), Request(1, 1, SpansPerRequest, 0))];
        var objects = folder.OpenObjects();
        var compactor = BlockFolder.Compactor(objects, folder.OpenStore(objects), new CompactionOptions().Layout);
        var merged = await MeasureAsync(() => compactor.MergeAsync(new CompactionJob(inputs), default), MaxRowGrowthBytes);
        Assert.Equal(SpansPerRequest / SpansPerTrace + 1, merged.Output!.TotalObjects);
        Assert.InRange(merged.Rest.Count, 2, 6);
        Assert.All(merged.Rest, static part => Assert.Equal(1, part.TotalObjects));
    }

    private static async Task<T> MeasureAsync<T>(Func<Task<T>> run, long maxGrowthBytes)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var merge = Task.Factory.StartNew(run, default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        long most = 0;
        while (!merge.IsCompleted) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
        Assert.True(most - before < maxGrowthBytes, $"the heap grew by {(most - before) >> 20} MiB");
        return await merge;
    }

    private static byte[] OfOneTrace(int request) =>
        Spans.Request(Spans.Of("s", "l", [.. Enumerable.Range(request * SpansPerRequest, SpansPerRequest).Select(static i =>
        {
            var span = Spans.New((ulong)i + 1, parent: i == 0 ? 0u : 1u, trace: new TraceId(7, 7));
            for (var key = 0; key < 5; key++) span.Attributes.Add(Spans.Text($"key{key}", $"value {i % 1000 * (key + 1)}"));
            return span;
        })]));

    private static async Task MergeAsync(
        int inputCount, int spansPerInput, int textBytes, BlockWriterOptions layout, BlockWriterOptions outputLayout, long maxGrowthBytes)
    {
        using var folder = BlockFolder.Create();
        folder.AttributeBytes = Math.Max(BlockFolder.MaxAttributeBytes, textBytes);
        var spansPerRequest = Math.Min(SpansPerRequest, spansPerInput);
        var inputs = new List<BlockMeta>();
        for (var input = 0; input < inputCount; input++)
            inputs.Add(await folder.WriteAsync(layout,
                Enumerable.Range(0, spansPerInput / spansPerRequest)
                    .Select(request => Request(input, request, spansPerRequest, textBytes))));
        var objects = folder.OpenObjects();
        var compactor = BlockFolder.Compactor(objects, folder.OpenStore(objects), outputLayout);

        var (output, _) = await MeasureAsync(() => compactor.MergeAsync(new CompactionJob(inputs), default), maxGrowthBytes);
        Assert.Equal(inputCount * spansPerInput / SpansPerTrace, output!.TotalObjects);
    }

    private static byte[] Request(int input, int number, int spans, int textBytes)
    {
        var random = new Random(input * 1_000_000 + number);
        var text = new byte[textBytes];
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        for (var i = 0; i < spans; i++)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            var trace = (ulong)(number * spans + i) / SpansPerTrace;
            new TraceId(trace * 0x9E3779B97F4A7C15UL, (ulong)input + 1).Write(id);
            writer.WriteBytes(SpanTag.TraceId, id);
            new TraceId((ulong)i + 1, 0).Write(id);
            writer.WriteBytes(SpanTag.SpanId, id[..SpanId.SizeBytes]);
            writer.WriteBytes(SpanTag.Name, "GET /"u8);
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, 1_000_000_000_000 + (ulong)i);
            writer.WriteFixed64(SpanTag.EndTimeUnixNano, 1_000_000_000_100 + (ulong)i);
            if (textBytes > 0)
            {
                random.GetItems("0123456789abcdef"u8, text);
                var attribute = writer.BeginMessage(SpanTag.Attributes);
                writer.WriteBytes(KeyValueTag.Key, "body"u8);
                var value = writer.BeginMessage(KeyValueTag.Value);
                writer.WriteBytes(AnyValueTag.StringValue, text);
                writer.EndMessage(value);
                writer.EndMessage(attribute);
            }

            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        return buffer.Written.ToArray();
    }
}
