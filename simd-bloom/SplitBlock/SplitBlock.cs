using System.Runtime.CompilerServices;

namespace Tempo.SimdBloom;

/// <summary>
/// The block of the split-block bloom filter (https://github.com/apache/parquet-format/blob/master/BloomFilter.md):
/// <code>
/// hash     64 bits: the upper 32 choose the block, the lower 32 one bit in each of its lanes
/// block    256 bits = 8 lanes, each a little-endian uint32
/// bit      of lane i: ( low32(hash) · Salt[i] mod 2³² ) >> 27
/// </code>
/// </summary>
internal static class SplitBlock
{
    public const int SizeBytes = 32;
    public const int Lanes = 8;

    /// <summary>The top five bits of a 32-bit product choose one of 32 bits.</summary>
    public const int BitShift = 27;

    /// <summary>The odd multipliers of the specification.</summary>
    public static ReadOnlySpan<uint> Salt =>
        [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31];

    /// <summary>
    /// Where the block of a hash begins. The upper half, read as a fraction of 2³², is scaled to the number of blocks, so the
    /// result is below <paramref name="bitSetBytes"/> for any hash, and a whole block follows it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint OffsetOf(ulong hash, int bitSetBytes) =>
        (nuint)((hash >> 32) * ((uint)bitSetBytes / SizeBytes) >> 32) * SizeBytes;

    public static uint LaneMask(ulong hash, int lane) => 1u << (int)((uint)hash * Salt[lane] >> BitShift);
}
