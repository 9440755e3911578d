using Tempo.Engine.Foundation;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node;

/// <summary>Passes on the progress of a search that may begin anew: what was told once is not told again.</summary>
internal sealed class RepeatedProgress(ISearchProgress progress) : ISearchProgress
{
    private readonly HashSet<TraceId> _told = [];

    public void Report(IReadOnlyList<TraceSearchResult> traces, SearchMetrics metrics)
    {
        List<TraceSearchResult> untold = [.. traces.Where(trace => _told.Add(trace.TraceId))];
        progress.Report(untold, metrics);
    }
}
