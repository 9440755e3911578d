using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
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
    public static Task<FoundTrace> FindAsync(TraceSources sources, TraceId id, long startSeconds, long endSeconds, CancellationToken cancellation) =>
        FindAsync(sources, id, startSeconds, endSeconds, WholeLimit, cancellation);

    /// <summary>The same with another limit to what is brought together in memory.</summary>
    internal static async Task<FoundTrace> FindAsync(TraceSources sources, TraceId id, long startSeconds, long endSeconds, WholeTraceLimit limit, CancellationToken cancellation)
    {
        var memory = ReadMemory.Rent();
        var loader = new TraceLoader(sources, BatchColumns.All, memory) { WholeLimit = limit };
        var blocks = new List<BlockReader>();
        var hash = SidecarHash.OfTrace(id);
        foreach (var handle in sources.Blocks)
        {
            // Most blocks end here: a thousand of them are a thousand cache lines, and none is opened.
            if (!handle.Meta.Overlaps(startSeconds, endSeconds) || !handle.Sidecar.MayContainTrace(id, hash)) continue;
            try
            {
                var block = await handle.OpenAsync(cancellation).ConfigureAwait(false);
                if (block.MayContain(id)) blocks.Add(block);
            }
            catch (BlockReadException e)
            {
                loader.ReportDamage(handle.Meta, e);
            }
        }

        cancellation.ThrowIfCancellationRequested();
        var known = loader.Damage;
        var trace = loader.Load(id, blocks);
        memory.Return();
        return loader.IsTooLarge
            ? StreamedTrace.Open(sources, id, blocks, known, cancellation)
            : new WholeTrace(trace, loader.InspectedBytes, loader.Damage);
    }
}
