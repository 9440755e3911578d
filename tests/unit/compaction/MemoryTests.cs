using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Compaction.Tests;

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

    [Fact]
    public async Task Memory_does_not_grow_with_the_inputs()
    {
        using var folder = BlockFolder.Create();
        var layout = new BlockWriterOptions { PageSpans = 500, RowGroupSpans = 4_000 };
        var inputs = new List<BlockMeta>();
        for (var input = 0; input < Inputs; input++)
            inputs.Add(await folder.WriteAsync(layout, Enumerable.Range(0, SpansPerInput / SpansPerRequest).Select(request => Request(input, request))));
        var objects = folder.OpenObjects();
        var compactor = BlockFolder.Compactor(objects, folder.OpenStore(objects), layout with { RowGroupSpans = 60_000 });

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var merge = Task.Factory.StartNew(() => compactor.MergeAsync(new CompactionJob(inputs), default), default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        long most = 0;
        while (!merge.IsCompleted) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
        var (output, _) = await merge;

        Assert.Equal(Inputs * SpansPerInput / SpansPerTrace, output!.TotalObjects);
        Assert.True(most - before < MaxGrowthBytes, $"the heap grew by {(most - before) >> 20} MiB");
    }

    private static byte[] Request(int input, int number)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        for (var i = 0; i < SpansPerRequest; i++)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            var trace = (ulong)(number * SpansPerRequest + i) / SpansPerTrace;
            new TraceId(trace * 0x9E3779B97F4A7C15UL, (ulong)input + 1).Write(id);
            writer.WriteBytes(SpanTag.TraceId, id);
            new TraceId((ulong)i + 1, 0).Write(id);
            writer.WriteBytes(SpanTag.SpanId, id[..SpanId.SizeBytes]);
            writer.WriteBytes(SpanTag.Name, "GET /"u8);
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, 1_000_000_000_000 + (ulong)i);
            writer.WriteFixed64(SpanTag.EndTimeUnixNano, 1_000_000_000_100 + (ulong)i);
            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        return buffer.Written.ToArray();
    }
}
