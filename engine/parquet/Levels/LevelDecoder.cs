using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Parquet;

/// <summary>Decodes levels and finds rows and values in them.</summary>
internal static class LevelDecoder
{
    /// <summary>
    /// Fills <paramref name="levels"/>; false if the bytes are malformed or hold a level above <paramref name="maxLevel"/>.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, int maxLevel, Span<byte> levels, out int consumed) =>
        RleBitPackedHybrid.TryDecode(source, BitWidth.Of(maxLevel), levels, out consumed)
        && !levels.ContainsAnyExceptInRange((byte)0, (byte)maxLevel);

    /// <summary>Rows that begin: repetition levels of 0.</summary>
    public static int CountRows(ReadOnlySpan<byte> repetitionLevels) => repetitionLevels.Count((byte)0);

    /// <summary>Entries that have a value: definition levels of the maximum.</summary>
    public static int CountValues(ReadOnlySpan<byte> definitionLevels, int maxLevel) => definitionLevels.Count((byte)maxLevel);

    /// <summary>
    /// Index of the entry that begins row <paramref name="row"/> (from 0) of these levels; their length if they have no such row.
    /// </summary>
    public static int IndexOfRow(ReadOnlySpan<byte> repetitionLevels, long row)
    {
        var seen = 0L;
        var i = 0;
        ref var p = ref MemoryMarshal.GetReference(repetitionLevels);
        for (; i + 32 <= repetitionLevels.Length; i += 32)
        {
            var starts =
                uint.PopCount(Vector256.Equals(Vector256.LoadUnsafe(ref p, (nuint)i), Vector256<byte>.Zero).ExtractMostSignificantBits());
            if (seen + starts > row) break;
            seen += starts;
        }

        for (; i < repetitionLevels.Length; i++)
        {
            if (repetitionLevels[i] == 0 && seen++ == row) return i;
        }

        return repetitionLevels.Length;
    }
}
