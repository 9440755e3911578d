using Tempo.Engine.Query;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// What a running search has found and the client has not been sent: the search's thread puts in, the call's takes out.
/// Thread safe.
/// </summary>
internal sealed class SearchIncrements : ISearchProgress
{
    private readonly Lock _lock = new();
    private List<TraceSearchResult> _traces = [];
    private SearchMetrics? _metrics;

    public void Report(IReadOnlyList<TraceSearchResult> traces, SearchMetrics metrics)
    {
        lock (_lock)
        {
            _traces.AddRange(traces);
            _metrics = metrics.Copy();
        }
    }

    /// <summary>What is new since the last time; false if nothing is.</summary>
    public bool TryTake(out List<TraceSearchResult> traces, out SearchMetrics metrics)
    {
        lock (_lock)
        {
            traces = _traces;
            metrics = _metrics ?? new SearchMetrics();
            if (_metrics is null) return false;
            _traces = [];
            _metrics = null;
            return true;
        }
    }
}
