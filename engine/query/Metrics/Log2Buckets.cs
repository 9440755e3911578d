using System.Numerics;

namespace Tempo.Engine.Query.Metrics;

/// <summary>Buckets of powers of two, and quantiles from them (specification TraceQL §7.2).</summary>
internal static class Log2Buckets
{
    /// <summary>Numbers of buckets, 0 being "not counted".</summary>
    public const int Count = 64;

    /// <summary>The exponent of the smallest power of two at or above the value; 0, "not counted", below 2.</summary>
    public static int Of(long value) => value < 2 ? 0 : Count - BitOperations.LeadingZeroCount((ulong)value - 1);

    /// <summary>Upper bound of a bucket.</summary>
    public static double Max(int bucket) => Math.ScaleB(1, bucket);

    /// <summary>
    /// The quantile of values of which <paramref name="counts"/> says how many are in each bucket: exponential interpolation within
    /// the bucket that holds it. 0 if there are none.
    /// </summary>
    public static double Quantile(double quantile, ReadOnlySpan<double> counts)
    {
        var total = 0.0;
        foreach (var count in counts) total += count;
        if (total == 0) return 0;
        var need = Math.Max(1, Math.Ceiling(quantile * total));
        var (sum, previous) = (0.0, -1);
        for (var bucket = 1; bucket < counts.Length; bucket++)
        {
            var count = counts[bucket];
            if (count == 0) continue;
            if (sum + count > need)
            {
                var high = (double)bucket;
                var low = previous < 0 ? high - 1 : previous;
                return Math.Pow(2, low + (high - low) * ((need - sum) / count));
            }

            sum += count;
            if (sum == need) return Max(bucket);
            previous = bucket;
        }

        // Weights need not add up to a whole: the last bucket holds the rest.
        return previous < 0 ? 0 : Max(previous);
    }
}
