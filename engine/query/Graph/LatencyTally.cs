namespace Tempo.Engine.Query.Graph;

/// <summary>
/// Counts of durations: eight buckets for each doubling from a microsecond to some hours, so that a quantile is exact to
/// 5 %.
/// </summary>
internal sealed class LatencyTally
{
    private const int PerDoubling = 8, Doublings = 34;
    private readonly int[] _buckets = new int[PerDoubling * Doublings + 1];

    public long Count { get; private set; }

    public long FailedCount { get; private set; }

    public double Seconds { get; private set; }

    public void Add(double seconds, bool isFailed)
    {
        Count++;
        if (isFailed) FailedCount++;
        Seconds += seconds;
        var index = seconds <= 1e-6 ? 0 : (int)Math.Ceiling(Math.Log2(seconds * 1e6) * PerDoubling);
        _buckets[Math.Clamp(index, 0, _buckets.Length - 1)]++;
    }

    public void AddAll(LatencyTally other)
    {
        Count += other.Count;
        FailedCount += other.FailedCount;
        Seconds += other.Seconds;
        for (var i = 0; i < _buckets.Length; i++) _buckets[i] += other._buckets[i];
    }

    public RequestStatistics ToStatistics() => new(Count, FailedCount, Seconds, Quantile(0.5), Quantile(0.9), Quantile(0.99));

    // The geometric middle of the bucket that the rank falls into.
    private double Quantile(double q)
    {
        var rank = (long)Math.Ceiling(q * Count);
        if (rank == 0) return 0;
        long seen = 0;
        for (var i = 0; i < _buckets.Length; i++)
        {
            seen += _buckets[i];
            if (seen >= rank) return i == 0 ? 1e-6 : Math.Pow(2, (i - 0.5) / PerDoubling) * 1e-6;
        }

        return 0;
    }
}
