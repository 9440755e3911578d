using System.Buffers;
using System.Numerics;

namespace Tempo.Engine.Parquet;

/// <summary>
/// DELTA_BINARY_PACKED (Encodings.md):
/// <code>
/// header := varint(128) varint(4) varint(count) zigzag(first value)
/// block  := zigzag(smallest delta) width[4] miniblock[1..4]
/// </code>
/// A block has 128 deltas in 4 miniblocks of 32, each packed in its own width after the smallest delta is taken off. Miniblocks
/// behind the last delta are not written, their widths are 0. All differences wrap at the width of the type, so that 32-bit
/// numbers never need more than 32 bits.
/// </summary>
internal static class DeltaBinaryPackedEncoder
{
    public const int BlockLength = 128;
    public const int MiniblockCount = 4;
    public const int MiniblockLength = BlockLength / MiniblockCount;
    private const int MaxBlockBytes = Varint.MaxBytes + MiniblockCount + (BlockLength * 8);

    public static void Encode(ReadOnlySpan<int> values, ArrayBufferWriter<byte> output) => Encode<int, uint>(values, output);

    public static void Encode(ReadOnlySpan<long> values, ArrayBufferWriter<byte> output) => Encode<long, ulong>(values, output);

    private static void Encode<T, TUnsigned>(ReadOnlySpan<T> values, ArrayBufferWriter<byte> output)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
        where TUnsigned : unmanaged, IBinaryInteger<TUnsigned>
    {
        WriteHeader(values.Length, values.IsEmpty ? 0 : long.CreateTruncating(values[0]), output);
        Span<T> deltas = stackalloc T[BlockLength];
        Span<ulong> packed = stackalloc ulong[BlockLength];
        for (var start = 1; start < values.Length; start += BlockLength)
        {
            var count = Math.Min(BlockLength, values.Length - start);
            var smallest = T.MaxValue;
            for (var i = 0; i < count; i++)
            {
                var delta = unchecked(values[start + i] - values[start + i - 1]);
                deltas[i] = delta;
                if (delta < smallest) smallest = delta;
            }

            for (var i = 0; i < count; i++) packed[i] = ulong.CreateTruncating(TUnsigned.CreateTruncating(unchecked(deltas[i] - smallest)));
            packed[count..].Clear();
            WriteBlock(packed, count, long.CreateTruncating(smallest), output);
        }
    }

    private static void WriteHeader(int count, long first, ArrayBufferWriter<byte> output)
    {
        var destination = output.GetSpan(4 * Varint.MaxBytes);
        var written = Varint.Write(destination, BlockLength);
        written += Varint.Write(destination[written..], MiniblockCount);
        written += Varint.Write(destination[written..], (ulong)count);
        written += Varint.Write(destination[written..], Varint.ZigZag(first));
        output.Advance(written);
    }

    private static void WriteBlock(ReadOnlySpan<ulong> packed, int count, long smallest, ArrayBufferWriter<byte> output)
    {
        var destination = output.GetSpan(MaxBlockBytes);
        var widths = Varint.Write(destination, Varint.ZigZag(smallest));
        var written = widths + MiniblockCount;
        destination[widths..written].Clear();
        for (var m = 0; m * MiniblockLength < count; m++)
        {
            var miniblock = packed.Slice(m * MiniblockLength, MiniblockLength);
            ulong union = 0;
            foreach (var value in miniblock) union |= value;
            var width = BitWidth.Of(union);
            destination[widths + m] = (byte)width;
            var length = MiniblockLength / 8 * width;
            BitPacking.PackLongs(miniblock, destination.Slice(written, length), width);
            written += length;
        }

        output.Advance(written);
    }
}
