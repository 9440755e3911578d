namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// A Prometheus native histogram of non-negative values: bucket i of schema s holds (2^((i-1)/2^s), 2^(i/2^s)]; what is
/// not above <see cref="ZeroThreshold"/> counts as zero. The buckets lie in one array without holes.
/// <code>
/// add:  i ← ⌈log2(v) · 2^s⌉
///       while more than the most buckets would be needed:
///           begin anew, if the last time is long enough ago   (a counter reset, which readers know how to take)
///           else halve the resolution: bucket i goes to ⌈i/2⌉, s ← s − 1
/// </code>
/// Prometheus' own client widens the zero bucket before it halves; durations have no mass there, so this does not.
/// </summary>
public sealed class NativeHistogram
{
    /// <summary>2^-128, as Prometheus' client has it by default.</summary>
    public const double ZeroThreshold = 2.938735877055719e-39;
    private const int MinSchema = -4;
    private const int MaxSchema = 8;
    private double[] _counts = [];

    public NativeHistogram(int schema, long nowUnixMs)
    {
        Schema = schema;
        ResetUnixMs = nowUnixMs;
    }

    public int Schema { get; private set; }

    public double ZeroCount { get; private set; }

    public double Count { get; private set; }

    public double Sum { get; private set; }

    public long ResetUnixMs { get; private set; }

    /// <summary>Index of the first bucket of <see cref="Buckets"/>.</summary>
    public int FirstIndex { get; private set; }

    public ReadOnlySpan<double> Buckets => _counts.AsSpan(0, BucketCount);

    private int BucketCount { get; set; }

    /// <summary>The largest schema whose neighbouring bounds are not further apart than <paramref name="factor"/> (1.1 → 3).</summary>
    public static int SchemaOf(double factor) =>
        Math.Clamp(-(int)Math.Floor(Math.Log2(Math.Log2(Math.Max(factor, 1 + 1e-9)))), MinSchema, MaxSchema);

    public void Observe(double value, double weight, in NativeHistogramLimits limits, long nowUnixMs)
    {
        if (value > ZeroThreshold) AddToBucket(value, weight, limits, nowUnixMs);
        else ZeroCount += weight;
        Count += weight;
        Sum += value * weight;
    }

    private void AddToBucket(double value, double weight, in NativeHistogramLimits limits, long nowUnixMs)
    {
        var index = IndexOf(value, Schema);
        while (BucketCount > 0 && Math.Max(index, FirstIndex + BucketCount - 1) - (long)Math.Min(index, FirstIndex) + 1 > limits.MaxBuckets)
        {
            if (nowUnixMs - ResetUnixMs >= limits.MinResetMs) Reset(limits.Schema, nowUnixMs);
            else if (Schema > MinSchema) Halve();
            else break;
            index = IndexOf(value, Schema);
        }

        if (BucketCount == 0) FirstIndex = index;
        MakeRoom(index);
        _counts[index - FirstIndex] += weight;
    }

    private void Reset(int schema, long nowUnixMs)
    {
        Array.Clear(_counts);
        (Schema, BucketCount, ZeroCount, Count, Sum, ResetUnixMs) = (schema, 0, 0, 0, 0, nowUnixMs);
    }

    private void MakeRoom(int index)
    {
        var first = Math.Min(index, FirstIndex);
        var count = Math.Max(index + 1, FirstIndex + BucketCount) - first;
        if (count > _counts.Length)
        {
            var grown = new double[Math.Max(count, Math.Min(_counts.Length * 2, count + 16))];
            _counts.AsSpan(0, BucketCount).CopyTo(grown.AsSpan(FirstIndex - first));
            _counts = grown;
        }
        else if (first < FirstIndex)
        {
            var shift = FirstIndex - first;
            _counts.AsSpan(0, BucketCount).CopyTo(_counts.AsSpan(shift));
            _counts.AsSpan(0, shift).Clear();
        }

        FirstIndex = first;
        BucketCount = count;
    }

    private void Halve()
    {
        var first = HalfUp(FirstIndex);
        var merged = new double[HalfUp(FirstIndex + BucketCount - 1) - first + 1];
        for (var i = 0; i < BucketCount; i++) merged[HalfUp(FirstIndex + i) - first] += _counts[i];
        (_counts, FirstIndex, BucketCount) = (merged, first, merged.Length);
        Schema--;
    }

    // ⌈i/2⌉ for either sign.
    private static int HalfUp(int index) => (index + 1) >> 1;

    internal static int IndexOf(double value, int schema)
    {
        if (double.IsPositiveInfinity(value)) value = double.MaxValue;
        var exact = Math.ScaleB(Math.Log2(value), schema);
        var index = (int)Math.Ceiling(exact);
        // Beside a bound the logarithm's last bits decide wrongly; the bound itself does not.
        var nearest = (int)Math.Round(exact);
        if (Math.Abs(exact - nearest) < 1e-9) index = value <= BoundOf(nearest, schema) ? nearest : nearest + 1;
        return index;
    }

    internal static double BoundOf(int index, int schema) => Math.Pow(2, Math.ScaleB(index, -schema));
}

/// <summary>Bounds of native histograms.</summary>
/// <param name="Schema">Resolution to begin with.</param>
/// <param name="MaxBuckets">Most buckets, holes counted.</param>
/// <param name="MinResetMs">How old a histogram is before it may begin anew instead of growing coarser.</param>
public readonly record struct NativeHistogramLimits(int Schema, int MaxBuckets, long MinResetMs);
