using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Copies;
using Tempo.Engine.Query.Search;
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
    public static Task<ServiceGraphResult> RunAsync(ServiceGraphRequest request, TraceSources sources, CancellationToken cancellation) =>
        RunAsync(request, sources, WorkerSlots.OfProcess, cancellation);

    /// <summary>The same, making way for others.</summary>
    public static Task<ServiceGraphResult> RunAsync(
        ServiceGraphRequest request, TraceSources sources, IWorkerSlots slots, CancellationToken cancellation)
    {
        var result = new ServiceGraphResult();
        using var budget = new MemoryBudget(request.MaxBytes, request.Memory);
        new Scan(request, sources, slots, budget, result).Run(cancellation);
        return Task.FromResult(result);
    }

    private sealed class Scan
    {
        private const BatchColumns Columns = BatchColumns.Tree | BatchColumns.Name | BatchColumns.SpanAttributes;
        private const ulong SecondNano = 1_000_000_000;

        private readonly GraphBuilder _graph;
        private readonly MemoryBudget _budget;
        private readonly QueryBlocks _blocks;
        private readonly TraceLoader _loader;
        private readonly ServiceGraphResult _result;
        private readonly IWorkerSlots _slots;
        private readonly List<GraphSpan> _spans = [];

        public Scan(ServiceGraphRequest request, TraceSources sources, IWorkerSlots slots, MemoryBudget budget, ServiceGraphResult result)
        {
            _graph = new GraphBuilder(request);
            _budget = budget;
            _blocks = QueryBlocks.Of(
                sources, Math.Max(1, (long)(request.StartUnixNano / SecondNano)), Math.Max(1, (long)(request.EndUnixNano / SecondNano)));
            _loader = new TraceLoader(_blocks, Columns, manyTraces: true);
            _result = result;
            _slots = slots;
        }

        public void Run(CancellationToken cancellation)
        {
            _result.Metrics.TotalBlocks = (uint)_blocks.InRange.Count;
            var shared = SharedTraces.Find(_blocks, _slots, _budget, cancellation);
            foreach (var block in _blocks.InRange) ScanBlock(block, shared, cancellation);
            foreach (var id in WholeTraces(shared))
            {
                _slots.Yield(cancellation);
                if (_loader.Load(id) is { } trace) AddWhole(trace);
            }

            _result.Metrics.InspectedBytes += _loader.InspectedBytes;
            _result.Message = _blocks.Damage;
            _graph.WriteTo(_result);
        }

        private void ScanBlock(QueryBlock block, SharedTraces shared, CancellationToken cancellation)
        {
            if (block.IsLeftOut) return;
            try
            {
                var reader = block.Open();
                for (var group = 0; group < reader.RowGroupCount; group++)
                {
                    var rows = reader.OpenRowGroup(group);
                    foreach (var (start, count) in rows.ScanRanges())
                    {
                        _slots.Yield(cancellation);
                        AddBatch(rows.Read(start, count, Columns), shared);
                    }

                    _result.Metrics.InspectedBytes += (ulong)reader.RowGroupBytes(group);
                }
            }
            catch (BlockReadException e)
            {
                _blocks.Report(block.Meta, e);
            }
        }

        // In a batch from a block the spans of a trace lie together.
        private void AddBatch(SpanBatch batch, SharedTraces shared)
        {
            _result.Metrics.InspectedSpans += (ulong)batch.SpanCount;
            var isShared = shared.MarksShared(batch, others: null);
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
            _result.Metrics.InspectedSpans += (ulong)trace.SpanCount;
            _spans.Clear();
            for (var i = 0; i < trace.SpanCount; i++) _spans.Add(new GraphSpan(trace.Batch(i), trace.Spans[i].Span));
            AddSpans();
        }

        private void AddSpans()
        {
            _result.Metrics.InspectedTraces++;
            _graph.AddTrace(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_spans));
        }

        // The spans of a live trace may lie in several batches.
        private TraceId[] WholeTraces(SharedTraces shared)
        {
            var ids = new HashSet<TraceId>(shared.Ids);
            foreach (var view in _blocks.Sources.Live)
                for (var span = 0; span < view.SpanCount; span++)
                    ids.Add(view.Columns.TraceIds[view.Columns.Trace[span]]);
            _budget.Charge((long)ids.Count * 3 * TraceId.SizeBytes, "trace ids");
            var sorted = ids.ToArray();
            Array.Sort(sorted);
            return sorted;
        }
    }
}
