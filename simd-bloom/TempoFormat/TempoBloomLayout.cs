namespace Tempo.SimdBloom;

/// <summary>
/// The shape of a block's trace-id bloom filter as Tempo cuts it: how many shards (objects bloom-0, bloom-1, …), how many
/// bits each, how many bits per id.
/// </summary>
/// <remarks>
/// For n ids and false-positive rate p:
/// <code>
/// m      = ⌈−n · ln p / (ln 2)²⌉         bits wanted in all
/// k      = ⌈ln 2 · m / n⌉                bits per id
/// shards = ⌈m / (shardSizeBytes · 8)⌉    at least 1, at most 1000
/// </code>
/// Each shard then has shardSizeBytes · 8 bits whatever m was, so a small block's filter is better than asked for.
/// </remarks>
public readonly record struct TempoBloomLayout
{
    /// <summary>Tempo's default <c>bloom_filter_false_positive</c>.</summary>
    public const double DefaultFalsePositiveRate = 0.01;

    /// <summary>Tempo's default <c>bloom_filter_shard_size_bytes</c>.</summary>
    public const int DefaultShardSizeBytes = 100 * 1024;

    /// <summary>Most shards a block has. Past it the filter only grows worse, as in Tempo.</summary>
    public const int MaxShardCount = 1000;

    /// <summary>Shards of a block whose meta says 0: written before meta.json carried the number.</summary>
    public const int LegacyShardCount = 10;

    /// <summary>Most bits per id; a filter that claims more is refused. 64 would be a false-positive rate below 10⁻¹⁹.</summary>
    public const int MaxHashCount = 64;

    /// <summary>Largest shard that is built or read: bit positions and object sizes then stay far inside an int of bytes.</summary>
    public const int MaxShardSizeBytes = 1 << 28;

    private const double MinFalsePositiveRate = 1e-18; // k = 61, within MaxHashCount

    /// <summary>Number of bloom objects.</summary>
    public int ShardCount { get; }

    /// <summary>Bytes of a shard's bit set (its object is <see cref="ShardObjectSizeBytes"/>).</summary>
    public int ShardSizeBytes { get; }

    /// <summary>Bits set per id ("k").</summary>
    public int HashCount { get; }

    /// <summary>Bits of a shard ("M").</summary>
    public long ShardBitCount => ShardSizeBytes * 8L;

    /// <summary>Bytes of a shard's object: three header words, then the bits in whole 64-bit words.</summary>
    public int ShardObjectSizeBytes => TempoBloomFormat.HeaderSizeBytes + TempoBloomFormat.WordBytesFor((ulong)ShardBitCount);

    private TempoBloomLayout(int shardCount, int shardSizeBytes, int hashCount) =>
        (ShardCount, ShardSizeBytes, HashCount) = (shardCount, shardSizeBytes, hashCount);

    /// <summary>
    /// The layout for about <paramref name="estimatedIdCount"/> ids. Too high an estimate costs space, too low a one false
    /// positives; neither is an error. Zero counts as one.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A negative count, a rate outside [10⁻¹⁸, 1), or a shard size outside 1..<see cref="MaxShardSizeBytes"/>.
    /// </exception>
    public static TempoBloomLayout For(
        long estimatedIdCount,
        double falsePositiveRate = DefaultFalsePositiveRate,
        int shardSizeBytes = DefaultShardSizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(estimatedIdCount);
        // Written so that NaN fails too.
        if (!(falsePositiveRate is >= MinFalsePositiveRate and < 1))
            throw new ArgumentOutOfRangeException(
                nameof(falsePositiveRate), falsePositiveRate, "The false-positive rate must lie in [1e-18, 1).");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardSizeBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardSizeBytes, MaxShardSizeBytes);

        var idCount = (double)Math.Max(estimatedIdCount, 1);
        var ln2 = Math.Log(2);
        var bitCount = Math.Ceiling(-idCount * Math.Log(falsePositiveRate) / (ln2 * ln2));
        var hashCount = (int)Math.Ceiling(ln2 * bitCount / idCount);
        var shardCount = (int)Math.Clamp(Math.Ceiling(bitCount / (shardSizeBytes * 8.0)), 1, MaxShardCount);
        return new TempoBloomLayout(shardCount, shardSizeBytes, hashCount);
    }

    /// <summary>The shard of a 16-byte trace id; see <see cref="TraceIdHash.ShardOf"/>, which spares the hash when it is at hand.</summary>
    public static int ShardOf(ReadOnlySpan<byte> traceId, int bloomShards) => TraceIdHash.Of(traceId).ShardOf(bloomShards);
}
