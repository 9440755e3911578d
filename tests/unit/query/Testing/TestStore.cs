using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Query.Tests.Testing;

/// <summary>Puts spans where the engine finds them: as OTLP bytes into live segments, and from there into real blocks on disk.</summary>
public sealed class TestStore : IDisposable
{
    private const int MaxAttributeBytes = 2048;

    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-query-").FullName;

    // One for each version of blocks in use, over the same folder.
    private readonly BlockStore[] _blocks;
    private readonly string _versions;
    private ulong _nextBlock = 1;

    /// <summary>
    /// Small pages and row groups, so that a handful of traces has several. Blocks are of the given versions in turn (vParquet5 if
    /// none is given).
    /// </summary>
    public TestStore(
        int pageSpans = 4, int rowGroupSpans = 12, DedicatedColumns? dedicated = null, string[]? versions = null,
        long columnCacheBytes = 1 << 20, long openBlockBytes = 1 << 20)
    {
        var objects = LocalObjectStore.Open(Path.Combine(_folder, "objects"));
        _blocks = [.. (versions ?? ["vParquet5"]).Select(version =>
        {
            var layout = new BlockWriterOptions { Version = BlockVersion.Get(version), PageSpans = pageSpans, RowGroupSpans = rowGroupSpans,
                DedicatedColumns = dedicated ?? DedicatedColumns.None };
            return new BlockStore(objects, Path.Combine(_folder, "work"),
                new BlockStoreOptions { Layout = layout, ColumnCacheBytes = columnCacheBytes, OpenBlockBytes = openBlockBytes });
        })];
        _versions = string.Join(' ', versions ?? []);
        _blocks[0].Sweep();
    }

    /// <summary>
    /// Block versions, and what is kept of them from query to query (nothing, next to nothing, all), by a seed: all combinations in turn.
    /// </summary>
    public static TestStore OfSeed(int seed, int pageSpans, int rowGroupSpans, DedicatedColumns? dedicated)
    {
        string[][] versions = [["vParquet5"], ["vParquet4"], ["vParquet5", "vParquet4"]];
        long[] cacheBytes = [0, 1500, 1 << 20];
        // Of 72 seeds the first 36 have room for no more than one open block, the others for all.
        return new TestStore(
            pageSpans, rowGroupSpans, dedicated, versions[seed / 4 % 3], cacheBytes[seed / 12 % 3], openBlockBytes: seed / 36 % 2 << 20);
    }

    public override string ToString() =>
        $"blocks of {_versions}, {_blocks[0].Columns.MaxBytes} bytes of columns and {_blocks[0].Open.MaxBytes} of open blocks kept";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>One request per two spans, in the given order.</summary>
    public static List<LiveBatchView> Live(IEnumerable<TestSpan> spans)
    {
        var segment = new LiveSegment(shardCount: 1, MaxAttributeBytes);
        foreach (var request in spans.Chunk(2)) segment.Append(TenantId.Single, OtlpRequest.Of(request));
        var views = new List<LiveBatchView>();
        segment.CollectBatches(TenantId.Single, views);
        return views;
    }

    public async Task<List<BlockHandle>> Block(IEnumerable<TestSpan> spans)
    {
        var live = Live(spans);
        var id = BlockId.Derive(1, _nextBlock++);
        var store = _blocks[(int)(_nextBlock % (ulong)_blocks.Length)];
        var meta = await store.WriteAsync(TenantId.Single, id, compactionLevel: 0, visit => LiveTraces.ForEach(live, visit), default);
        return meta is null ? [] : [new BlockHandle(meta, store)];
    }

    /// <summary>Blocks that are open, of the first version.</summary>
    public int OpenCount => _blocks[0].Open.Count;

    /// <summary>Flips bits in all pages of a block, and leaves its footer sound.</summary>
    public void DamagePages(BlockHandle block)
    {
        var path = Path.Combine(FolderOf(block), "data.parquet");
        var bytes = File.ReadAllBytes(path);
        foreach (ref var b in bytes.AsSpan(4, bytes.Length / 2)) b ^= 0x55;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Cuts off the footer of a block.</summary>
    public void DamageFooter(BlockHandle block)
    {
        var path = Path.Combine(FolderOf(block), "data.parquet");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^8]);
    }

    /// <summary>Makes the blocks look as if someone else had written them.</summary>
    public void DeleteSidecars()
    {
        foreach (var path in Directory.EnumerateFiles(_folder, "tempo.sidecar", SearchOption.AllDirectories)) File.Delete(path);
    }

    /// <summary>Deletes the indexes of row groups, which not every writer has.</summary>
    public void DeleteIndexes()
    {
        foreach (var path in Directory.EnumerateFiles(_folder, "index", SearchOption.AllDirectories)) File.Delete(path);
    }

    /// <summary>Deletes a block, as if another one had taken its place.</summary>
    public void Delete(BlockHandle block) => Directory.Delete(FolderOf(block), recursive: true);

    /// <summary>All layouts in turn.</summary>
    public static Layout LayoutOf(int seed) => Enum.GetValues<Layout>() is var all ? all[seed % all.Length] : default;

    /// <summary>The spans in the given layout.</summary>
    public async Task<TraceSources> Sources(Layout layout, IReadOnlyList<TestSpan> spans)
    {
        IEnumerable<TestSpan> Third(int n) => spans.Where((_, i) => i % 3 == n);
        return layout switch
        {
            Layout.Live => new TraceSources(Live(spans), []),
            Layout.Block => new TraceSources([], await Block(spans)),
            Layout.Split => new TraceSources(Live(Third(2)), [.. await Block(Third(0)), .. await Block(Third(1))]),
            Layout.Replicated => await Replicated(spans),
            _ => new TraceSources(Live(spans.Skip(1).Reverse()), [.. await Block(spans), .. await Block(Third(1))]),
        };
    }

    // Two nodes' live data and three blocks; of each seventh trace in one of the ways in which nodes come to have it.
    private async Task<TraceSources> Replicated(IReadOnlyList<TestSpan> spans)
    {
        var (live, other) = (new List<TestSpan>(), new List<TestSpan>());
        var blocks = new[] { new List<TestSpan>(), [], [] };
        foreach (var (number, trace) in spans.GroupBy(static span => span.TraceId).Index())
        {
            var all = trace.ToList();
            var some = all.Skip(1).ToList();
            List<TestSpan>[] places = (number % 7) switch
            {
                0 => [all, all, [], [], []],
                1 => [[], [], all, all, []],
                2 => [all, [], all, all, all],
                3 => [[], [], all, some, all],
                4 => [some, all, all, [], []],
                5 => [[], [], some, all.Take(1).ToList(), some],
                _ => [all, [], [], some, all],
            };
            live.AddRange(places[0]);
            other.AddRange(places[1].AsEnumerable().Reverse());
            for (var block = 0; block < blocks.Length; block++) blocks[block].AddRange(places[block + 2]);
        }

        var written = new List<BlockHandle>();
        foreach (var block in blocks.Where(static block => block.Count > 0)) written.AddRange(await Block(block));
        return new TraceSources([.. Live(live), .. Live(other)], written);
    }

    private string FolderOf(BlockHandle block) => Path.Combine(_folder, "objects", TenantId.Single.Value, block.Meta.BlockId.ToString());
}

/// <summary>Where the spans are.</summary>
public enum Layout
{
    Live,
    Block,

    /// <summary>The spans of each trace in two blocks and live.</summary>
    Split,

    /// <summary>Most spans in two or three places.</summary>
    Copied,

    /// <summary>Traces whole in two or more places, as nodes have them that keep copies, and some of them not whole in all.</summary>
    Replicated,
}
