using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Live;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Traces on more pages than are kept: no page is filled anew while the trace that is put together is on it.</summary>
public sealed class ManyPagesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-pages-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_trace_on_pages_that_are_there_and_on_new_ones_is_whole()
    {
        var random = new Random(20261128);
        var store =
            new BlockStore(LocalObjectStore.Open(Path.Combine(_folder, "objects")), Path.Combine(_folder, "work"), new BlockStoreOptions());
        store.Sweep();
        // Which blocks each trace has spans in; blocks of different lengths, so that a place of one is none of another.
        var places = Enumerable.Range(1, 40).Select(_ => Enumerable.Range(0, 12).Where(_ => random.Next(2) == 0).ToHashSet()).ToArray();
        var resource = new TestResource([]);
        var handles = new List<BlockHandle>();
        for (var block = 0; block < 12; block++)
        {
            var spans = new List<TestSpan>();
            for (var trace = 0; trace < places.Length; trace++)
                for (var i = 0; places[trace].Contains(block) && i < 1 + block; i++)
                    spans.Add(new TestSpan
                    {
                        TraceId = new TraceId(0, (ulong)trace + 1),
                        Id = (ulong)(block * 100 + i + 1),
                        Name = $"{block}",
                        StartUnixNano = 1_700_000_000_000_000_000 + (ulong)i,
                        DurationNano = 1,
                        Resource = resource
                    });
            var live = TestStore.Live(spans);
            var meta = await store.WriteAsync(
                TenantId.Single, BlockId.Derive(1, (ulong)block), compactionLevel: 0, visit => LiveTraces.ForEach(live, visit), default);
            handles.Add(new BlockHandle(meta!, store));
        }

        var loader = new TraceLoader(QueryBlocks.Of(new TraceSources([], handles)), BatchColumns.All, manyTraces: true);
        for (var round = 0; round < 200; round++)
        {
            var trace = random.Next(places.Length);
            var expected = places[trace].SelectMany(
                static block => Enumerable.Range(0, 1 + block).Select(i => (ulong)(block * 100 + i + 1))).Order().ToArray();
            var found = loader.Load(new TraceId(0, (ulong)trace + 1));
            var ids = found is null
                ? []
                : Enumerable.Range(0, found.SpanCount).Select(i => found.Batch(i).SpanId[found.Spans[i].Span]).Order().ToArray();
            Assert.Equal(expected, ids);
        }
    }
}
