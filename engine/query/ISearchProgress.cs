namespace Tempo.Engine.Query;

/// <summary>Hears of a search while it runs, for clients that take an answer in parts.</summary>
public interface ISearchProgress
{
    /// <summary>
    /// Called on the thread of the search, one call after the other, each soon over. The traces are those that have become
    /// certain since the last call, newest first: each comes once, is in the final answer, and is newer than all that
    /// follow. Often there are none, and only the metrics have moved; they are the search's own, read them before you return.
    /// </summary>
    void Report(IReadOnlyList<TraceSearchResult> traces, SearchMetrics metrics);
}
