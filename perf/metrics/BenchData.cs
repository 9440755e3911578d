using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Perf.Metrics;

/// <summary>Spans of a file of requests as blocks on disk, cut as a node cuts them; written once, then read again.</summary>
internal sealed class BenchData
{
    private const int MaxAttributeBytes = 2048;
    private const ulong SecondNano = 1_000_000_000;

    public required TraceSources Sources { get; init; }

    public required long SpanCount { get; init; }

    public required ulong StartUnixNano { get; init; }

    public required ulong EndUnixNano { get; init; }

    public static async Task<BenchData> OpenAsync(string requestsPath, string folder, int spansPerBlock)
    {
        var store = new BlockStore(LocalObjectStore.Open(Path.Combine(folder, "objects")), Path.Combine(folder, "work"), new BlockStoreOptions());
        store.Sweep();
        var metas = await store.ListAsync(static _ => { }, CancellationToken.None).ConfigureAwait(false);
        if (metas.Count == 0)
        {
            await WriteAsync(requestsPath, store, spansPerBlock).ConfigureAwait(false);
            metas = await store.ListAsync(static _ => { }, CancellationToken.None).ConfigureAwait(false);
        }

        var blocks = metas.Select(meta => new BlockHandle(meta, store)).ToList();
        long spans = 0;
        foreach (var block in blocks)
        {
            var reader = await block.OpenAsync(CancellationToken.None).ConfigureAwait(false);
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                var rows = reader.OpenRowGroup(group);
                foreach (var (start, count) in rows.ScanRanges()) spans += rows.Read(start, count, Engine.Storage.Blocks.Read.BatchColumns.Structure).SpanCount;
            }
        }

        return new BenchData
        {
            Sources = new TraceSources([], blocks),
            SpanCount = spans,
            StartUnixNano = (ulong)blocks.Min(static b => b.Meta.StartSeconds) * SecondNano,
            EndUnixNano = (ulong)blocks.Max(static b => b.Meta.EndSeconds) * SecondNano,
        };
    }

    private static async Task WriteAsync(string requestsPath, BlockStore store, int spansPerBlock)
    {
        using var file = File.OpenRead(requestsPath);
        var prefix = new byte[sizeof(uint)];
        var segment = new LiveSegment(shardCount: 1, MaxAttributeBytes);
        ulong number = 1;
        while (file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) == prefix.Length)
        {
            var request = new byte[BinaryPrimitives.ReadUInt32LittleEndian(prefix)];
            file.ReadExactly(request);
            segment.Append(TenantId.Single, request);
            if (segment.SpanCount < spansPerBlock) continue;
            await CutAsync(segment, store, number++).ConfigureAwait(false);
            segment = new LiveSegment(shardCount: 1, MaxAttributeBytes);
        }

        if (segment.SpanCount > 0) await CutAsync(segment, store, number).ConfigureAwait(false);
    }

    private static async Task CutAsync(LiveSegment segment, BlockStore store, ulong number)
    {
        var views = new List<LiveBatchView>();
        segment.CollectBatches(TenantId.Single, views);
        await store.WriteAsync(TenantId.Single, BlockId.Derive(1, number), compactionLevel: 0, visit => LiveTraces.ForEach(views, visit), CancellationToken.None).ConfigureAwait(false);
    }
}
