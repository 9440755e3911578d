using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// Turns a sealed generation into blocks:
/// <code>
/// 1 write    one block per tenant, ids derived from the generation (so that doing it again does no harm); several where a
///            trace is too large for one row, the first of them last: if it is there, all are
/// 2 swap     in one step readers see the blocks instead of the generation
/// 3 release  the generation's log files are free
/// </code>
/// A failure leaves the generation as it is: readable, logged, and to be tried again. Any number at the same time, each
/// generation once.
/// </summary>
internal sealed class GenerationWriter(
    NodeOptions options, WriteAheadLog log, BlockStore store, ColumnPromotion promotion, NodeState state, NodeMetrics metrics, Log messages)
{
    /// <summary>
    /// Generations that wait, the one that is being written among them, which say that one after the other is not enough: two may well
    /// have waited for the same row group of a merge.
    /// </summary>
    private const int BehindGenerations = 3;

    public async Task WriteAsync(Generation generation, CancellationToken cancellation)
    {
        Failpoints.Hit(Failpoint.CutSealed);
        log.MakeRoom();
        var written = new List<BlockHandle>();
        foreach (var tenant in generation.Live.Tenants)
        {
            var batches = new List<LiveBatchView>();
            generation.Live.CollectBatches(tenant, batches);
            var parts = TraceParts.Plan(batches, RowLimits.OfBlocks);
            for (var part = parts.Count - 1; part >= 0; part--)
                if (await WriteAsync(generation, tenant, parts, part, cancellation).ConfigureAwait(false) is { } meta)
                    written.Add(new BlockHandle(meta, store));
        }

        Failpoints.Hit(Failpoint.CutBlocksWritten);
        state.TellLeaving(generation);
        // A crash between two parts leaves the later ones behind, which the start has found: they are the same blocks.
        var ids = written.Select(static block => block.Meta.BlockId).ToHashSet();
        state.Update(view => view with
        {
            Generations = [.. view.Generations.Where(g => g != generation)],
            Blocks = [.. view.Blocks.Where(b => !ids.Contains(b.Meta.BlockId)), .. written],
        });
        Failpoints.Hit(Failpoint.CutSwapped);
        // A query that still reads it leaves it to the garbage collector.
        if (generation.TryRetire()) generation.Live.Recycle();
        if (log.Release(generation.Log) is not DiskError.None and var error)
            messages.Warn("log files not released yet", ("generation", generation.Log.Number), ("err", error));
        Failpoints.Hit(Failpoint.CutReleased);
    }

    private async Task<BlockMeta?> WriteAsync(
        Generation generation, TenantId tenant, TraceParts parts, int part, CancellationToken cancellation)
    {
        var id = BlockIds.Of(log.Identity, generation.Log.Number, tenant, part);
        void ForEach(Action<OrderedTrace> visit) => parts.ForEach(part, trace =>
        {
            cancellation.ThrowIfCancellationRequested(); // a stop need not wait for a large block: the log still has it all
            visit(trace);
        });
        var block = new NewBlock
        {
            Tenant = tenant,
            Id = id,
            Layout = store.Layout with { DedicatedColumns = promotion.ColumnsFor(tenant) },
            Times = generation.Times(options.IngestionTimeRangeSlack),
            IsBehind = state.View.Waiting.Length >= Math.Min(BehindGenerations, options.MaxLiveTimes - 1),
        };
        var strayTraces = 0;
        var meta = await store.WriteAsync(block, writer =>
        {
            ForEach(writer.Add);
            strayTraces = writer.StrayTraceCount;
        }, cancellation).ConfigureAwait(false);
        if (meta is null) return null;
        Failpoints.Hit(Failpoint.CutBlockWritten);
        if (strayTraces > 0) metrics.Warnings.With(tenant.Value, "outside_ingestion_time_slack").Add(strayTraces);
        metrics.BlocksCut.Add();
        metrics.BlockBytes.Add(meta.SizeBytes);
        messages.Info(
            "block written", ("tenant", tenant.Value), ("block", id.ToString()), ("traces", meta.TotalObjects), ("bytes", meta.SizeBytes));
        return meta;
    }
}
