namespace Tempo.Engine.Query;

/// <summary>
/// How far a metrics query has come, for clients that watch it. The query's threads write, anybody reads at any time: each figure
/// only grows, but for the jobs of a slice, and they need not be of the same instant. Thread safe.
/// </summary>
public sealed class QueryProgress
{
    private long _totalBlocks;
    private long _totalBlockBytes;
    private long _totalJobs;
    private long _completedJobs;
    private long _inspectedBytes;
    private long _inspectedSpans;

    /// <summary>The figures now; all zero until the jobs are known.</summary>
    public SearchMetrics Read() => new()
    {
        TotalBlocks = (uint)Interlocked.Read(ref _totalBlocks),
        TotalBlockBytes = (ulong)Interlocked.Read(ref _totalBlockBytes),
        TotalJobs = (uint)Interlocked.Read(ref _totalJobs),
        CompletedJobs = (uint)Interlocked.Read(ref _completedJobs),
        InspectedBytes = (ulong)Interlocked.Read(ref _inspectedBytes),
        InspectedSpans = (ulong)Interlocked.Read(ref _inspectedSpans),
    };

    /// <summary>By the query: its jobs are known.</summary>
    public void Begin(SearchMetrics metrics)
    {
        Interlocked.Exchange(ref _totalBlocks, metrics.TotalBlocks);
        Interlocked.Exchange(ref _totalBlockBytes, (long)metrics.TotalBlockBytes);
        Interlocked.Exchange(ref _totalJobs, metrics.TotalJobs);
    }

    /// <summary>By the query: so many that were thought to be jobs have nothing of its slice.</summary>
    public void DropJobs(int jobs) => Interlocked.Add(ref _totalJobs, -jobs);

    /// <summary>By the query: one of them is done, having read so much.</summary>
    public void CompleteJob(ulong bytes, ulong spans)
    {
        Interlocked.Add(ref _inspectedBytes, (long)bytes);
        Interlocked.Add(ref _inspectedSpans, (long)spans);
        Interlocked.Increment(ref _completedJobs);
    }
}
