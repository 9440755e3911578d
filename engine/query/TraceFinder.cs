using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query;

/// <summary>Finds a trace by its id in all sources and writes it as OTLP TracesData bytes.</summary>
public static class TraceFinder
{
    /// <summary>
    /// Appends the trace to <paramref name="output"/>; nothing if there is none. The seconds only limit which blocks are looked
    /// in (0 = no bound). The result says what was read, and what could not be.
    /// </summary>
    public static async Task<TraceLoader> FindAsync(TraceSources sources, TraceId id, long startSeconds, long endSeconds, NativeBuffer output, CancellationToken cancellation)
    {
        var loader = new TraceLoader(sources, BatchColumns.All, manyTraces: false);
        var blocks = new List<BlockReader>();
        foreach (var handle in sources.Blocks)
        {
            if (!handle.Meta.Overlaps(startSeconds, endSeconds)) continue;
            try
            {
                var block = await handle.OpenAsync(cancellation).ConfigureAwait(false);
                if (block.MayContain(id)) blocks.Add(block);
            }
            catch (BlockReadException e)
            {
                loader.ReportDamage(handle.Meta, e.Message);
            }
        }

        if (loader.Load(id, blocks) is { } trace) OtlpTraceWriter.Write(trace, output);
        return loader;
    }
}
