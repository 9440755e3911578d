using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Decodes DELTA_BINARY_PACKED; the layout is drawn in <see cref="DeltaBinaryPackedEncoder"/>. Any block and miniblock size of the
/// format is taken.
/// </summary>
internal static class DeltaBinaryPackedDecoder
{
    private const int MaxMiniblockCount = 512;
    private const int MaxBlockLength = 1 << 16;
    private const int GroupLength = 8;
    private const int StepLength = 32; // every miniblock is a multiple of 32 long

    /// <summary>
    /// Fills <paramref name="values"/>, which is as long as the header claims; <paramref name="consumed"/> is where the encoded
    /// numbers end.
    /// </summary>
    public static bool TryDecode<T>(ReadOnlySpan<byte> source, Span<T> values, out int consumed)
        where T : unmanaged, IBinaryInteger<T>
    {
        consumed = 0;
        if (values.IsEmpty && source.IsEmpty) return true;
        var position = 0;
        if (!TryReadHeader(source, ref position, values.Length, out var blockLength, out var miniblockCount, out var first)) return false;
        var previous = T.CreateTruncating(first);
        if (!values.IsEmpty) values[0] = previous;
        var miniblockLength = blockLength / miniblockCount;
        for (var start = 1; start < values.Length; start += blockLength)
        {
            if (!Varint.TryRead(source, ref position, out var encodedSmallest)) return false;
            var widths = position;
            if (miniblockCount > source.Length - position) return false;
            position += miniblockCount;
            var block = values.Slice(start, Math.Min(blockLength, values.Length - start));
            var smallest = T.CreateTruncating(Varint.UnZigZag(encodedSmallest));
            for (var m = 0; m * miniblockLength < block.Length; m++)
            {
                var width = source[widths + m];
                var miniblock = block.Slice(m * miniblockLength, Math.Min(miniblockLength, block.Length - (m * miniblockLength)));
                if (width > 64 || (((long)miniblock.Length * width) + 7) / 8 > source.Length - position) return false;
                previous = DecodeMiniblock(source[position..], miniblock, width, smallest, previous);
                position += (int)Math.Min((long)miniblockLength / 8 * width, source.Length - position);
            }
        }

        consumed = position;
        return true;
    }

    /// <summary>
    /// Whether these are <paramref name="count"/> times <paramref name="value"/>, written in no bits at all; <paramref name="consumed"/> is
    /// where the encoded numbers end. False also for what is malformed, and for other ways to write the same.
    /// </summary>
    public static bool IsConstant(ReadOnlySpan<byte> source, int count, long value, out int consumed)
    {
        var position = consumed = 0;
        if (!TryReadHeader(source, ref position, count, out var blockLength, out var miniblockCount, out var first) || first != value)
            return false;
        for (long start = 1; start < count; start += blockLength)
        {
            if (!Varint.TryRead(source, ref position, out var smallest) || smallest != 0 || miniblockCount > source.Length - position)
                return false;
            if (source.Slice(position, miniblockCount).ContainsAnyExcept((byte)0)) return false;
            position += miniblockCount;
        }

        consumed = position;
        return true;
    }

    /// <summary>
    /// Whether the header claims exactly <paramref name="count"/> numbers and the bytes could hold them: every block takes at least
    /// its smallest delta and its widths. Asked before memory is taken for them.
    /// </summary>
    public static bool CanHold(ReadOnlySpan<byte> source, int count)
    {
        var position = 0;
        if (count == 0) return true;
        if (!TryReadHeader(source, ref position, count, out var blockLength, out var miniblockCount, out _)) return false;
        var blocks = (count - 2 + blockLength) / blockLength;
        return (long)blocks * (1 + miniblockCount) <= source.Length - position;
    }

    private static bool TryReadHeader(
        ReadOnlySpan<byte> source, ref int position, int count, out int blockLength, out int miniblockCount, out long first)
    {
        blockLength = miniblockCount = 0;
        first = 0;
        if (!Varint.TryRead(source, ref position, out var block)
            || !Varint.TryRead(source, ref position, out var miniblocks)
            || !Varint.TryRead(source, ref position, out var total)
            || !Varint.TryRead(source, ref position, out var encodedFirst)) return false;
        if (block is 0 or > MaxBlockLength || miniblocks is 0 or > MaxMiniblockCount || total != (ulong)count) return false;
        if (block % miniblocks != 0 || block / miniblocks % StepLength != 0) return false;
        blockLength = (int)block;
        miniblockCount = (int)miniblocks;
        first = Varint.UnZigZag(encodedFirst);
        return true;
    }

    private static T DecodeMiniblock<T>(ReadOnlySpan<byte> source, Span<T> values, int width, T smallest, T previous)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (width == 0 && T.IsZero(smallest))
        {
            values.Fill(previous);
            return previous;
        }

        var done = width == 0 ? 0 : DecodeWithinWords(source, values, width, smallest, ref previous);
        Span<ulong> step = stackalloc ulong[StepLength];
        for (var start = done; start < values.Length; start += StepLength)
        {
            var part = values.Slice(start, Math.Min(StepLength, values.Length - start));
            BitPacking.UnpackLongs(source[(start / 8 * width)..], step[..part.Length], width);
            for (var i = 0; i < part.Length; i++)
            {
                previous = unchecked(previous + smallest + T.CreateTruncating(step[i]));
                part[i] = previous;
            }
        }

        return previous;
    }

    // Eight at a time, which take as many bytes as each takes bits, each out of the eight bytes at its first one; as long as those are
    // there.
    private static int DecodeWithinWords<T>(ReadOnlySpan<byte> source, Span<T> values, int width, T smallest, ref T last)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (width > BitPacking.MaxWordBits) return 0;
        var mask = ulong.MaxValue >> (64 - width);
        var previous = last;
        var groups = Math.Min(values.Length / GroupLength, (source.Length - sizeof(ulong) + 1) / width);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(values);
        for (var group = 0; group < groups; group++)
        {
            for (var i = 0; i < GroupLength; i++)
            {
                var bit = i * width;
                var packed = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, bit >> 3)) >> (bit & 7) & mask;
                previous = unchecked(previous + (smallest + T.CreateTruncating(packed)));
                Unsafe.Add(ref to, i) = previous;
            }

            from = ref Unsafe.Add(ref from, width);
            to = ref Unsafe.Add(ref to, GroupLength);
        }

        last = previous;
        return Math.Max(0, groups) * GroupLength;
    }
}
