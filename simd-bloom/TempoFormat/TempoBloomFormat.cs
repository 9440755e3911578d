using System.Runtime.CompilerServices;

namespace Tempo.SimdBloom;

/// <summary>
/// The bytes of a bloom-N object, all big endian:
/// <code>
///  0  uint64  M   bits
///  8  uint64  k   bits per id
/// 16  uint64  M   once more: the length of the bit set
/// 24  uint64  ⌈M / 64⌉ words; bit p is bit (p mod 64), from the lowest, of word p / 64
/// </code>
/// Bit p therefore lies in byte 24 + ((p / 8) xor 7), bit p mod 8: both sides work on the object's bytes as they are, and
/// what is in memory is what is stored.
/// </summary>
internal static class TempoBloomFormat
{
    public const int HeaderSizeBytes = 24;
    public const int HashCountOffset = 8;
    public const int BitSetLengthOffset = 16;

    /// <summary>Bytes of the words that hold <paramref name="bitCount"/> bits.</summary>
    public static int WordBytesFor(ulong bitCount) => checked((int)((bitCount / 64 + (bitCount % 64 == 0 ? 0u : 1u)) * 8));

    /// <summary>Position of the byte that holds bit <paramref name="bit"/>, counted from the end of the header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint ByteOf(ulong bit) => (nuint)((bit >> 3) ^ 7);
}

/// <summary>
/// The k bit positions of an id, in order: position i is ( h[i mod 2] + i · g(i) ) mod 2⁶⁴ mod M, where g runs through
/// H2, H3, H3, H2 as i mod 4 runs through 0, 1, 2, 3.
/// </summary>
internal static class TempoBloomBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Position(in TraceIdHash hash, uint i, BitModulus modulus)
    {
        var start = (i & 1) == 0 ? hash.H0 : hash.H1;
        var stride = ((i ^ (i >> 1)) & 1) == 0 ? hash.H2 : hash.H3;
        return modulus.Reduce(start + i * stride);
    }
}
