using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Encodes repetition and definition levels for <see cref="PageLevels"/>. The page writer adds the length prefix where its version
/// wants one.
/// </summary>
public static class LevelEncoder
{
    /// <summary>
    /// Appends the encoded levels to <paramref name="output"/>. Every level is at most <paramref name="maxLevel"/>, which is 1 to 127
    /// (a leaf whose maximum is 0 has no levels).
    /// </summary>
    public static void Encode(ReadOnlySpan<byte> levels, int maxLevel, ArrayBufferWriter<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxLevel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxLevel, sbyte.MaxValue);
        RleBitPackedHybrid.EncodeLevels(levels, BitWidth.Of(maxLevel), output);
    }
}
