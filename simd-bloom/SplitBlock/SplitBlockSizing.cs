namespace Tempo.SimdBloom;

/// <summary>How large a split-block filter must be.</summary>
public static class SplitBlockSizing
{
    /// <summary>Smallest filter: one block.</summary>
    public const int MinSizeBytes = SplitBlock.SizeBytes;

    /// <summary>Largest filter, as in the other Parquet implementations: 128 MiB.</summary>
    public const int MaxSizeBytes = 128 * 1024 * 1024;

    private const double MinBitsPerKey = 1; // nearly every probe says yes
    private const double MaxBitsPerKey = 256; // one key a block: 4 in 10⁹, and a key still costs only a cache line
    private const double MinFalsePositiveRate = 1e-8;

    /// <summary>
    /// Bits per key that bring the false positives down to a rate: 10.5 for 1 %, 16.9 for 0.1 %, 26.4 for 0.01 %.
    /// </summary>
    /// <remarks>
    /// The usual formula, −8 / ln(1 − rate^(1/8)), takes every block to be equally full. Keys fall on blocks at random, and
    /// the fuller blocks answer yes so much more often that at 1 % the formula's 9.7 bits really give 1.6 %. So this inverts
    /// <see cref="FalsePositiveRate"/>, which is exact, by bisection.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">A rate outside [10⁻⁸, 1).</exception>
    public static double BitsPerKey(double falsePositiveRate)
    {
        // Written so that NaN fails too.
        if (!(falsePositiveRate is >= MinFalsePositiveRate and < 1))
            throw new ArgumentOutOfRangeException(
                nameof(falsePositiveRate), falsePositiveRate, "The false-positive rate must lie in [1e-8, 1).");

        var (low, high) = (MinBitsPerKey, MaxBitsPerKey);
        while (high - low > 0.001)
        {
            var middle = (low + high) / 2;
            if (FalsePositiveRate(middle) > falsePositiveRate) low = middle;
            else high = middle;
        }

        return high;
    }

    /// <summary>
    /// Expected rate of false positives: keys per block are Poisson distributed with mean λ = 256 / bitsPerKey, and a block of
    /// j keys says yes to a strange one with probability (1 − (31/32)^j)^8.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Bits per key outside 1..256.</exception>
    public static double FalsePositiveRate(double bitsPerKey)
    {
        if (!(bitsPerKey is >= MinBitsPerKey and <= MaxBitsPerKey))
            throw new ArgumentOutOfRangeException(nameof(bitsPerKey), bitsPerKey, "Bits per key must lie in 1..256.");

        var mean = SplitBlock.SizeBytes * 8 / bitsPerKey;
        var last = mean + 12 * Math.Sqrt(mean) + 20; // what is beyond is smaller than rounding
        var probability = Math.Exp(-mean); // of j = 0
        var rate = 0.0;
        for (var j = 1; j <= last; j++)
        {
            probability *= mean / j;
            rate += probability * Math.Pow(1 - Math.Pow(31 / 32.0, j), SplitBlock.Lanes);
        }

        return rate;
    }

    /// <summary>
    /// Bytes of a filter for <paramref name="distinctCount"/> keys: whole blocks, from <see cref="MinSizeBytes"/> to
    /// <see cref="MaxSizeBytes"/> (past which the filter only grows worse).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative count, or bits per key that are not positive.</exception>
    public static int SizeBytesFor(long distinctCount, double bitsPerKey)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(distinctCount);
        if (!(bitsPerKey > 0)) throw new ArgumentOutOfRangeException(nameof(bitsPerKey), bitsPerKey, "Bits per key must be positive.");
        var blocks = Math.Ceiling(distinctCount * bitsPerKey / (SplitBlock.SizeBytes * 8));
        return (int)Math.Clamp(blocks * SplitBlock.SizeBytes, MinSizeBytes, MaxSizeBytes);
    }

    /// <summary>
    /// The next power of two, for filters inside a Parquet file: some readers refuse any other size, though the specification
    /// asks only for whole blocks. <paramref name="sizeBytes"/> is one of <see cref="SizeBytesFor"/>.
    /// </summary>
    public static int RoundUpToPowerOfTwo(int sizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sizeBytes, MinSizeBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeBytes, MaxSizeBytes);
        return (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)sizeBytes);
    }
}
