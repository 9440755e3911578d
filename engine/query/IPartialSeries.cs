namespace Tempo.Engine.Query;

/// <summary>Is given what a metrics query has counted while it runs, for clients that take an answer in parts.</summary>
public interface IPartialSeries
{
    /// <summary>
    /// Whether values are wanted now. Asked by the query's threads after each piece of work, so it must cost nothing. Thread safe.
    /// </summary>
    bool IsWanted { get; }

    /// <summary>
    /// Called on a thread of the query, which waits meanwhile; one call after the other. Of a range: all samples that are final, those
    /// of the steps behind which nothing is left to be scanned, with every series that has one, and without exemplars. Of an instant
    /// query: a sample a series, of what has been scanned. Not called for queries whose values come about at the end: compare(), topk() and
    /// bottomk() over a range, parts that need whole traces beside parts that ask spans for their trace, answers that are too large.
    /// </summary>
    void Give(IReadOnlyList<TimeSeriesResult> series);
}
