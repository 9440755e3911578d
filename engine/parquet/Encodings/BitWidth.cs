using System.Numerics;

namespace Tempo.Engine.Parquet;

/// <summary>Bits that numbers take.</summary>
public static class BitWidth
{
    /// <summary>Bits needed for every number from 0 to <paramref name="maxValue"/>; 0 for 0.</summary>
    public static int Of(int maxValue) => 32 - BitOperations.LeadingZeroCount((uint)maxValue);

    /// <summary>Like <see cref="Of(int)"/>, rounded up to whole bytes (8, 16, 24, 32; 0 for 0): compresses better behind a codec.</summary>
    public static int ByteAlignedOf(int maxValue) => (Of(maxValue) + 7) & ~7;

    internal static int Of(ulong value) => 64 - BitOperations.LeadingZeroCount(value);
}
