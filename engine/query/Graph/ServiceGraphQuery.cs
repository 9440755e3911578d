using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Graph;

/// <summary>
/// The service graph and the operations of a range of time, from live data and blocks, without any metrics database:
/// <code>
/// 1  which traces are in several sources (<see cref="SharedTraces"/>)
/// 2  blocks of the range, page by page: a trace that is in no other source is counted where it lies
/// 3  live and shared traces are put together whole, and counted
/// </code>
/// Memory: a page of columns, and 16 bytes for each trace of 3. A span that is in several places counts once.
/// </summary>
public static class ServiceGraphQuery
{
    /// <summary>Throws <see cref="QueryException"/> for a range that needs too much.</summary>
    public static async Task<ServiceGraphResult> RunAsync(ServiceGraphRequest request, TraceSources sources, CancellationToken cancellation)
    {
        var result = new ServiceGraphResult();
        var scan = new Scan(request, sources, result);
        await scan.RunAsync(cancellation).ConfigureAwait(false);
        return result;
    }

    private sealed class Scan(ServiceGraphRequest request, TraceSources sources, ServiceGraphResult result)
    {
        private const BatchColumns Columns = BatchColumns.Tree | BatchColumns.Name | BatchColumns.SpanAttributes;
        private const ulong SecondNano = 1_000_000_000;

        private readonly GraphBuilder _graph = new(request);
        private readonly MemoryBudget _budget = new(request.MaxBytes);
        private readonly TraceLoader _loader = new(sources, Columns, manyTraces: true);
        private readonly List<BlockReader> _blocks = [];
        private readonly List<GraphSpan> _spans = [];

        public async Task RunAsync(CancellationToken cancellation)
        {
            await OpenBlocksAsync(cancellation).ConfigureAwait(false);
            var shared = FindShared(cancellation);
            foreach (var block in _blocks) ScanBlock(block, shared, cancellation);
            foreach (var id in WholeTraces(shared))
            {
                cancellation.ThrowIfCancellationRequested();
                if (_loader.Load(id, _blocks) is { } trace) AddWhole(trace);
            }

            result.Metrics.InspectedBytes += _loader.InspectedBytes;
            if (_loader.Damage.Length > 0) result.Message = _loader.Damage;
            _graph.WriteTo(result);
        }

        private async Task OpenBlocksAsync(CancellationToken cancellation)
        {
            foreach (var handle in sources.Blocks)
            {
                if (!handle.Meta.Overlaps(Math.Max(1, (long)(request.StartUnixNano / SecondNano)), Math.Max(1, (long)(request.EndUnixNano / SecondNano)))) continue;
                try
                {
                    _blocks.Add(await handle.OpenAsync(cancellation).ConfigureAwait(false));
                }
                catch (BlockReadException e)
                {
                    _loader.ReportDamage(handle.Meta, e);
                }
            }

            result.Metrics.TotalBlocks = (uint)_blocks.Count;
        }

        private SharedTraces FindShared(CancellationToken cancellation)
        {
            while (true)
            {
                try
                {
                    var shared = SharedTraces.Find(sources.Live, _blocks, _budget, cancellation);
                    shared.AddHidden(sources.Hidden);
                    return shared;
                }
                catch (SharedTraces.UnreadableBlockException e)
                {
                    // Without its ids its spans cannot be told from copies. The list is shorter by one, so this ends.
                    _blocks.Remove(e.Block);
                    _loader.ReportDamage(e.Block.Meta, e.Reason);
                }
            }
        }

        private void ScanBlock(BlockReader block, SharedTraces shared, CancellationToken cancellation)
        {
            try
            {
                for (var group = 0; group < block.RowGroupCount; group++)
                {
                    var rows = block.OpenRowGroup(group);
                    foreach (var (start, count) in rows.ScanRanges())
                    {
                        cancellation.ThrowIfCancellationRequested();
                        AddBatch(rows.Read(start, count, Columns), shared);
                    }

                    result.Metrics.InspectedBytes += (ulong)block.RowGroupBytes(group);
                }
            }
            catch (BlockReadException e)
            {
                _loader.ReportDamage(block.Meta, e);
            }
        }

        // In a batch from a block the spans of a trace lie together.
        private void AddBatch(SpanBatch batch, SharedTraces shared)
        {
            result.Metrics.InspectedSpans += (ulong)batch.SpanCount;
            var isShared = shared.MarksOf(batch);
            for (var span = 0; span < batch.SpanCount;)
            {
                var trace = batch.Trace[span];
                _spans.Clear();
                for (; span < batch.SpanCount && batch.Trace[span] == trace; span++) _spans.Add(new GraphSpan(batch, span));
                if (isShared is null || !isShared[trace]) AddSpans();
            }
        }

        private void AddWhole(OrderedTrace trace)
        {
            result.Metrics.InspectedSpans += (ulong)trace.SpanCount;
            _spans.Clear();
            for (var i = 0; i < trace.SpanCount; i++) _spans.Add(new GraphSpan(trace.Batch(i), trace.Spans[i].Span));
            AddSpans();
        }

        private void AddSpans()
        {
            result.Metrics.InspectedTraces++;
            _graph.AddTrace(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_spans));
        }

        // The spans of a live trace may lie in several batches.
        private TraceId[] WholeTraces(SharedTraces shared)
        {
            var ids = new HashSet<TraceId>(shared.Ids);
            foreach (var view in sources.Live)
                for (var span = 0; span < view.SpanCount; span++)
                    ids.Add(view.Columns.TraceIds[view.Columns.Trace[span]]);
            _budget.Charge((long)ids.Count * 3 * TraceId.SizeBytes, "trace ids");
            var sorted = ids.ToArray();
            Array.Sort(sorted);
            return sorted;
        }
    }
}
