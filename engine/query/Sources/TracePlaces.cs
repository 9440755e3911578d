using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Says whether a trace of a block may have parts anywhere else: what its page says of it is only then all there is. Filters answer
/// (some nanoseconds a block, one wrong "maybe" in a thousand), so a "no" is certain and a "maybe" only costs time. Not thread safe.
/// </summary>
internal sealed class TracePlaces(QueryBlocks blocks)
{
    private readonly List<int> _rows = [];

    /// <summary>False: all spans of the trace lie in this block.</summary>
    public bool MayLieElsewhere(QueryBlock block, TraceId id)
    {
        var sources = blocks.Sources;
        if (sources.Hidden.Count > 0 && sources.Hidden.Contains(id)) return true;
        var hash = SidecarHash.OfTrace(id);
        foreach (var other in blocks.All)
            if (other != block && other.MayContain(id, hash))
                return true;
        foreach (var view in sources.Live)
        {
            _rows.Clear();
            view.Batch.CollectTrace(id, view.SpanCount, _rows);
            if (_rows.Count > 0) return true;
        }

        return false;
    }
}
