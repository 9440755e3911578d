using System.Numerics;

namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// xoshiro256** (Blackman and Vigna, https://prng.di.unimi.it), seeded through splitmix64. Its own type, because
/// the sequence of <see cref="Random"/> may change with the runtime and the same seed must always give the same traffic.
/// Not for several threads at once.
/// </summary>
internal sealed class Xoshiro256
{
    private ulong _s0, _s1, _s2, _s3;

    public Xoshiro256(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, <paramref name="bound"/>); the bias of the multiply is below 2^-32 for the small bounds used here.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>], both ends included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextUnit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => NextUnit() < probability;

    public T Pick<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>
    /// Log-normal around <paramref name="median"/>, as latencies are: sigma 0.6 puts the 99th percentile at four medians.
    /// </summary>
    public double LogNormal(double median, double sigma = 0.6)
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - NextUnit()));
        return median * Math.Exp(sigma * radius * Math.Cos(2 * Math.PI * NextUnit()));
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
