using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Query;

/// <summary>Finds a trace by its id in all sources.</summary>
public static class TraceFinder
{
    /// <summary>
    /// What is brought together in memory: 8 times the spans that Tempo's default limit of a trace leaves room for, and what they
    /// take. Beyond, the trace is read while it is written.
    /// </summary>
    private static readonly WholeTraceLimit WholeLimit = new(Spans: 1 << 15, Bytes: 16 << 20);

    /// <summary>
    /// The whole trace; an empty one if there is none. The seconds only limit which blocks are looked in (0 = no bound). The
    /// result says what was read, and what could not be.
    /// </summary>
    public static Task<FoundTrace> FindAsync(
        TraceSources sources, TraceId id, long startSeconds, long endSeconds, CancellationToken cancellation) =>
            FindAsync(sources, id, startSeconds, endSeconds, WholeLimit, WholeTraceLimit.MaxRowSpans, cancellation);

    /// <summary>The same with other limits to what is brought together in memory, and to a row of what is not.</summary>
    internal static async Task<FoundTrace> FindAsync(
        TraceSources sources, TraceId id, long startSeconds, long endSeconds, WholeTraceLimit limit, int maxRowSpans,
        CancellationToken cancellation)
    {
        var hash = SidecarHash.OfTrace(id);
        var maybe = new List<BlockHandle>();
        // Most blocks end here: a thousand of them are a thousand cache lines, and none is opened.
        foreach (var handle in sources.Blocks)
            if (handle.Meta.Overlaps(startSeconds, endSeconds) && handle.Sidecar.MayContainTrace(id, hash))
                maybe.Add(handle);
        var blocks = QueryBlocks.Of(sources with { Blocks = maybe });
        await Task.WhenAll(blocks.All.Select(block => block.TryOpenAsync(cancellation).AsTask())).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        var (memory, order) = (ReadMemory.Rent(), ScratchPools.Orders.Take());
        var loader = new TraceLoader(blocks, BatchColumns.All, memory, order) { WholeLimit = limit };
        var trace = loader.Load(id);
        memory.Return();
        if (trace is not null) return new WholeTrace(trace, loader.InspectedBytes, blocks.Damage, loader.Alone);
        ScratchPools.Orders.Return(order);
        ScratchPools.Traces.Return(loader.Alone);
        if (!loader.IsTooLarge) return new WholeTrace(null, loader.InspectedBytes, blocks.Damage);
        return StreamedTrace.Open(blocks, id, maxRowSpans, cancellation);
    }
}
