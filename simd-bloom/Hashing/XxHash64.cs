using System.Buffers.Binary;
using System.Numerics;

namespace Tempo.SimdBloom;

/// <summary>
/// XXH64, the hash the Parquet specification prescribes for its bloom filters (seed 0, over the plain-encoded value:
/// 4 or 8 little-endian bytes for numbers, the bare bytes without a length for byte arrays).
/// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
/// </summary>
public static class XxHash64
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;
    private const ulong Prime3 = 0x165667B19E3779F9;
    private const ulong Prime4 = 0x85EBCA77C2B2AE63;
    private const ulong Prime5 = 0x27D4EB2F165667C5;

    private const int StripeBytes = 32;

    /// <summary>The 64-bit hash of <paramref name="bytes"/>.</summary>
    public static ulong Hash(ReadOnlySpan<byte> bytes, ulong seed = 0)
    {
        var remaining = bytes;
        var hash = bytes.Length < StripeBytes ? seed + Prime5 : HashStripes(ref remaining, seed);
        return Finish(hash + (ulong)bytes.Length, remaining);
    }

    /// <summary>The hash of the 8 little-endian bytes of <paramref name="value"/>: an INT64 or DOUBLE (by its bits) of Parquet.</summary>
    public static ulong Hash(ulong value, ulong seed = 0) =>
        Avalanche(BitOperations.RotateLeft(seed + Prime5 + sizeof(ulong) ^ Round(0, value), 27) * Prime1 + Prime4);

    // Four independent lanes of 8 bytes each; consumes the whole stripes of the input.
    private static ulong HashStripes(ref ReadOnlySpan<byte> bytes, ulong seed)
    {
        var lane1 = seed + Prime1 + Prime2;
        var lane2 = seed + Prime2;
        var lane3 = seed;
        var lane4 = seed - Prime1;
        for (; bytes.Length >= StripeBytes; bytes = bytes[StripeBytes..])
        {
            lane1 = Round(lane1, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            lane2 = Round(lane2, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
            lane3 = Round(lane3, BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
            lane4 = Round(lane4, BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
        }

        var hash = BitOperations.RotateLeft(lane1, 1) + BitOperations.RotateLeft(lane2, 7)
            + BitOperations.RotateLeft(lane3, 12) + BitOperations.RotateLeft(lane4, 18);
        hash = MergeLane(hash, lane1);
        hash = MergeLane(hash, lane2);
        hash = MergeLane(hash, lane3);
        return MergeLane(hash, lane4);
    }

    private static ulong Finish(ulong hash, ReadOnlySpan<byte> tail)
    {
        for (; tail.Length >= 8; tail = tail[8..])
            hash = BitOperations.RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(tail)), 27) * Prime1 + Prime4;

        if (tail.Length >= 4)
        {
            hash = BitOperations.RotateLeft(hash ^ BinaryPrimitives.ReadUInt32LittleEndian(tail) * Prime1, 23) * Prime2 + Prime3;
            tail = tail[4..];
        }

        foreach (var b in tail) hash = BitOperations.RotateLeft(hash ^ b * Prime5, 11) * Prime1;
        return Avalanche(hash);
    }

    private static ulong Round(ulong lane, ulong input) => BitOperations.RotateLeft(lane + input * Prime2, 31) * Prime1;

    private static ulong MergeLane(ulong hash, ulong lane) => (hash ^ Round(0, lane)) * Prime1 + Prime4;

    private static ulong Avalanche(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * Prime2;
        hash = (hash ^ (hash >> 29)) * Prime3;
        return hash ^ (hash >> 32);
    }
}
