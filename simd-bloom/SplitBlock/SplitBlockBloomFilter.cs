using System.Diagnostics.CodeAnalysis;

namespace Tempo.SimdBloom;

/// <summary>
/// The split-block bloom filter of the Parquet specification, probed in the bytes of its bit set: nothing is copied, so the
/// bytes may be an array, a pooled buffer or a mapping. Keys are given as their <see cref="XxHash64"/>.
/// A key costs one cache line, at 10 bits per key about 1 false positive in 100.
/// </summary>
public readonly ref struct SplitBlockBloomFilter
{
    private readonly ReadOnlySpan<byte> _bitSet;
    private readonly IBloomKernel _kernel;

    internal SplitBlockBloomFilter(ReadOnlySpan<byte> bitSet, IBloomKernel kernel)
    {
        _bitSet = bitSet;
        _kernel = kernel;
    }

    /// <summary>
    /// Opens the raw bit set (in a Parquet file: what follows the bloom filter header). False, with the reason, unless it is
    /// one or more whole 32-byte blocks and at most <see cref="SplitBlockSizing.MaxSizeBytes"/>.
    /// </summary>
    public static bool TryOpen(ReadOnlySpan<byte> bitSet, out SplitBlockBloomFilter filter, [NotNullWhen(false)] out string? error)
    {
        filter = default;
        error = bitSet.Length switch
        {
            0 => "split-block bloom filter has no blocks",
            > SplitBlockSizing.MaxSizeBytes =>
                $"split-block bloom filter of {bitSet.Length} bytes is larger than {SplitBlockSizing.MaxSizeBytes}",
            var length when length % SplitBlock.SizeBytes != 0 =>
                $"split-block bloom filter of {length} bytes is no whole number of {SplitBlock.SizeBytes}-byte blocks",
            _ => null,
        };
        if (error != null) return false;
        filter = new SplitBlockBloomFilter(bitSet, KernelChoice.Current);
        return true;
    }

    /// <summary>False means surely not in the set. A default filter contains nothing.</summary>
    public bool MayContain(ulong hash) => !_bitSet.IsEmpty && _kernel.MayContain(_bitSet, hash);

    /// <summary>
    /// Probes many hashes. Bit i mod 64 of word i / 64 of <paramref name="found"/> is set where hash i may be contained and
    /// cleared where it surely is not; all other bits of <paramref name="found"/> are cleared.
    /// </summary>
    /// <exception cref="ArgumentException"><paramref name="found"/> has fewer bits than there are hashes.</exception>
    public void MayContain(ReadOnlySpan<ulong> hashes, Span<ulong> found)
    {
        if (found.Length < (hashes.Length + 63L) / 64) BloomThrow.BitmapLength(found.Length, hashes.Length);
        found.Clear();
        if (!_bitSet.IsEmpty) _kernel.Probe(_bitSet, hashes, found[..((hashes.Length + 63) / 64)]);
    }
}
