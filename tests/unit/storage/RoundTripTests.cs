using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>
/// Random requests through the whole of storage: what comes back from live batches, from a block, and from a block made of
/// that block, must be what <see cref="TraceModel"/> says.
/// </summary>
public sealed class RoundTripTests
{
    private const int MaxAttributeBytes = 64;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Traces_come_back_from_live_data_and_from_blocks(int seed)
    {
        var random = new Random(seed);
        var requests = new RandomRequests(seed, traceCount: random.Next(2, 40));
        var model = new TraceModel(MaxAttributeBytes);
        var batches = Enumerable.Range(0, random.Next(1, 4)).Select(static _ => new LiveBatch()).ToArray();
        for (var i = random.Next(5, 60); i > 0; i--)
        {
            var request = requests.Next();
            model.Add(request);
            batches[random.Next(batches.Length)].Append(request, MaxAttributeBytes);
        }

        LiveBatchView[] views = [.. batches.Select(static batch => batch.View())];
        AssertEqual(model.Expected(fromBlock: false), visit => LiveTraces.ForEach(views, visit));

        var first = MemoryBlock.Write(Layout(random, TestColumns.Some), views);
        AssertBlock(model, first, random);
        using var reader = first.Open();
        var second = MemoryBlock.Write(
            Layout(random, random.Next(2) == 0 ? TestColumns.Others : DedicatedColumns.None) with
            {
                Version = random.Next(2) == 0 ? first.Layout.Version : BlockVersion.Default
            },
            visit => MemoryBlock.ForEachTrace(reader, random, 10, visit));
        AssertBlock(model, second, random);
    }

    private static void AssertBlock(TraceModel model, MemoryBlock block, Random random)
    {
        Assert.Equal(model.SpanCount, block.Content.SpanCount);
        Assert.Equal(block.Data.Length, block.Content.SizeBytes);
        using var reader = block.Open();
        AssertEqual(model.Expected(fromBlock: true), visit => MemoryBlock.ForEachTrace(reader, random, 10, visit));
    }

    private static BlockWriterOptions Layout(Random random, DedicatedColumns columns) =>
        new()
        {
            Version = random.Next(2) == 0 ? BlockVersion.Default : BlockVersion.Get("vParquet4"),
            PageSpans = random.Next(1, 60),
            RowGroupSpans = random.Next(1, 200),
            DedicatedColumns = columns,
        };

    private static void AssertEqual(Dictionary<string, string[]> expected, Action<Action<OrderedTrace>> forEachTrace)
    {
        var seen = new List<string>();
        using var buffer = new NativeBuffer();
        forEachTrace(trace =>
        {
            var id = trace.Id.ToString();
            seen.Add(id);
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            Assert.True(expected.TryGetValue(id, out var spans), $"trace {id} was never sent");
            Assert.Equal(spans, TraceModel.Describe(buffer.Written));
        });
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), seen);
    }
}
