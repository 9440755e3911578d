using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Parquet;

// Levels come in runs much more often than indices do: what all attributes of a span have in common is a number once and another one as
// often as it has further attributes. In packed form the next span begins at any bit of a byte, so the codec finds it again in one case of
// eight only, and after a long search; as runs it is four whole bytes.
internal static partial class RleBitPackedHybrid
{
    /// <summary>A run of so many has a header of one byte.</summary>
    private const int MaxShortRun = 63;

    /// <summary>
    /// Appends levels of at most <paramref name="width"/> ≤ 8 bits: as runs alone where that takes fewer bytes than the blocks of
    /// <see cref="Encode(ReadOnlySpan{byte}, int, ArrayBufferWriter{byte})"/>, else as those.
    /// </summary>
    public static void EncodeLevels(ReadOnlySpan<byte> levels, int width, ArrayBufferWriter<byte> output)
    {
        if (!levels.IsEmpty && AreRunsShorter(levels, width, out var changes)) EncodeRuns(levels, changes, width, output);
        else Encode(levels, width, output);
    }

    // A run takes two bytes, nearly always; a block of 32 that are not all equal is packed.
    private static bool AreRunsShorter(ReadOnlySpan<byte> levels, int width, out int changes)
    {
        var packed = 0;
        changes = 0;
        for (var start = 0; start < levels.Length; start += BlockLength)
        {
            var changed = ChangesOf(levels, start);
            changes += BitOperations.PopCount(changed);
            if (changed != 0) packed += BlockLength / 8 * width;
        }

        return 2 * (changes + 1) < packed;
    }

    // Bit i: number start + i differs from the next one.
    private static uint ChangesOf(ReadOnlySpan<byte> levels, int start)
    {
        if (levels.Length - start > BlockLength)
        {
            ref var p = ref MemoryMarshal.GetReference(levels[start..]);
            return ~Vector256.Equals(Vector256.LoadUnsafe(ref p), Vector256.LoadUnsafe(ref p, 1)).ExtractMostSignificantBits();
        }

        uint changed = 0;
        for (var i = start; i + 1 < levels.Length; i++)
            if (levels[i] != levels[i + 1])
                changed |= 1u << (i - start);
        return changed;
    }

    private static void EncodeRuns(ReadOnlySpan<byte> levels, int changes, int width, ArrayBufferWriter<byte> output)
    {
        var destination = output.GetSpan(checked((changes + 1) * (MaxHeaderBytes + 1)));
        var (written, begin) = (0, 0);
        for (var start = 0; start < levels.Length; start += BlockLength)
            for (var changed = ChangesOf(levels, start); changed != 0; changed &= changed - 1)
            {
                var end = start + BitOperations.TrailingZeroCount(changed) + 1;
                if (end - begin <= MaxShortRun)
                {
                    destination[written++] = (byte)(end - begin << 1);
                    destination[written++] = levels[begin];
                }
                else
                {
                    written += WriteRun(destination[written..], end - begin, levels[begin], width);
                }

                begin = end;
            }

        written += WriteRun(destination[written..], levels.Length - begin, levels[begin], width);
        output.Advance(written);
    }
}
