using System.Numerics;

namespace Tempo.Perf.Load.Run;

/// <summary>
/// Counts latencies in microseconds, 64 buckets for each power of two: a percentile is right within 1.6 %. Not for several threads at once.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBucketBits = 6;
    private const int SubBuckets = 1 << SubBucketBits;

    private readonly long[] _counts = new long[(64 - SubBucketBits) * SubBuckets];
    private long _total;

    public long MaxMicros { get; private set; }

    public void Record(long micros)
    {
        micros = Math.Max(micros, 0);
        _counts[BucketOf(micros)]++;
        _total++;
        MaxMicros = Math.Max(MaxMicros, micros);
    }

    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        _total += other._total;
        MaxMicros = Math.Max(MaxMicros, other.MaxMicros);
    }

    /// <summary>The upper end of the bucket that holds the given share of all latencies; 0 when there are none.</summary>
    public long PercentileMicros(double percent)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(_total * percent / 100));
        for (int bucket = 0; bucket < _counts.Length; bucket++)
            if ((rank -= _counts[bucket]) <= 0 && _total > 0)
                return Math.Min(UpperEnd(bucket), MaxMicros);
        return 0;
    }

    // Values below 2 * SubBuckets have a bucket each; above, the leading SubBucketBits + 1 bits choose it.
    private static int BucketOf(long value)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)value) - SubBucketBits);
        return shift * SubBuckets + (int)(value >> shift);
    }

    private static long UpperEnd(int bucket)
    {
        int shift = Math.Max(0, bucket / SubBuckets - 1);
        long leading = bucket - shift * SubBuckets;
        return (leading + 1 << shift) - 1;
    }
}
