using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Micro;

/// <summary>Blocks of the load tool's traffic, built once and kept in a folder.</summary>
internal static class BenchmarkBlocks
{
    private const int SpansPerRequest = 100;
    private const int MaxAttributeBytes = 2048;
    private const long StartUnixNanos = 1_760_000_000_000_000_000;

    public static async Task<List<BlockHandle>> OpenAsync(string folder, int spans, int blocks, long columnCacheBytes)
    {
        folder = Path.Combine(folder, $"{spans}-{blocks}");
        var store = new BlockStore(LocalObjectStore.Open(folder), Path.Combine(folder, "work"),
            new BlockStoreOptions { Layout = new BlockWriterOptions { ZstdLevel = 3 }, ColumnCacheBytes = columnCacheBytes });
        store.Sweep();
        var metas = await store.ListAsync(static damage => Console.Error.WriteLine(damage), CancellationToken.None).ConfigureAwait(false);
        if (metas.Count < blocks)
        {
            for (var block = 0; block < blocks; block++) await BuildAsync(store, block, spans / blocks).ConfigureAwait(false);
            metas = await store.ListAsync(static damage => Console.Error.WriteLine(damage), CancellationToken.None).ConfigureAwait(false);
        }

        return [.. metas.Select(meta => new BlockHandle(meta, store))];
    }

    private static async Task BuildAsync(BlockStore store, int block, int spans)
    {
        var templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        var stamper = new RequestStamper((ulong)block + 1);
        var live = new LiveSegment(shardCount: 1, MaxAttributeBytes);
        for (var i = 0; live.SpanCount < spans; i++)
        {
            var template = templates[i % templates.Length];
            var request = new byte[template.Bytes.Length];
            stamper.Stamp(template, StartUnixNanos + (block * 600_000_000_000L) + (i * 10_000_000L), request);
            live.Append(TenantId.Single, request);
        }

        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        await store.WriteAsync(TenantId.Single, BlockId.Derive(7, (ulong)block), 0, visit => LiveTraces.ForEach(views, visit),
            CancellationToken.None).ConfigureAwait(false);
    }
}
