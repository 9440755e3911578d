using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Parquet;

/// <summary>
/// The RLE / bit-packing hybrid of levels and dictionary indices (Encodings.md, "Run Length Encoding / Bit-Packing Hybrid"):
/// <code>
/// run        := rle-run | packed-run
/// rle-run    := varint(count &lt;&lt; 1)       value in ceil(width / 8) bytes, little-endian
/// packed-run := varint(groups &lt;&lt; 1 | 1)  groups × 8 numbers of width bits, the last group padded with zeros
/// </code>
/// The encoder looks at 32 numbers at a time: blocks of 32 equal ones grow to an RLE run, everything between is bit-packed.
/// Shorter RLE runs would save bytes here and lose more behind the codec, which finds repetitions in packed bytes by itself.
/// </summary>
internal static partial class RleBitPackedHybrid
{
    private const int BlockLength = 32;
    private const int MaxHeaderBytes = 5;

    /// <summary>Appends the encoded form of numbers of at most <paramref name="width"/> ≤ 8 bits.</summary>
    public static void Encode(ReadOnlySpan<byte> values, int width, ArrayBufferWriter<byte> output) => Encode<byte>(values, width, output);

    /// <summary>Appends the encoded form of numbers of at most <paramref name="width"/> ≤ 32 bits.</summary>
    public static void Encode(ReadOnlySpan<int> values, int width, ArrayBufferWriter<byte> output) => Encode<int>(values, width, output);

    private static void Encode<T>(ReadOnlySpan<T> values, int width, ArrayBufferWriter<byte> output)
        where T : unmanaged, INumber<T>
    {
        var destination = output.GetSpan(MaxEncodedLength(values.Length, width));
        var written = 0;
        for (var start = 0; start < values.Length;)
        {
            var equal = CountEqual(values[start..]);
            if (equal >= BlockLength || equal == values.Length - start)
            {
                written += WriteRun(destination[written..], equal, uint.CreateTruncating(values[start]), width);
                start += equal;
                continue;
            }

            var packed = CountUnequal(values[start..]);
            written += WritePacked(destination[written..], values.Slice(start, packed), width);
            start += packed;
        }

        output.Advance(written);
    }

    /// <summary>Each block of 32 costs at most its packed bytes and a header of either kind.</summary>
    private static int MaxEncodedLength(int count, int width) =>
        checked(((count / BlockLength) + 2) * ((BlockLength / 8 * width) + MaxHeaderBytes + 4) + BitPacking.StoreSlackBytes);

    /// <summary>How many numbers from the first on equal it.</summary>
    private static int CountEqual<T>(ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
    {
        var end = values[1..].IndexOfAnyExcept(values[0]);
        return end < 0 ? values.Length : end + 1;
    }

    /// <summary>Length of the stretch before the next block of 32 equal numbers; a multiple of 32 unless it reaches the end.</summary>
    private static int CountUnequal<T>(ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
    {
        var count = 0;
        for (; values.Length - count >= BlockLength; count += BlockLength)
        {
            if (IsConstantBlock(values.Slice(count, BlockLength))) return count;
        }

        return values.Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsConstantBlock<T>(ReadOnlySpan<T> block)
        where T : unmanaged, INumber<T>
    {
        // The last element first: it differs in most blocks that are not constant.
        if (block[0] != block[BlockLength - 1]) return false;
        ref var p = ref MemoryMarshal.GetReference(block);
        var first = Vector256.Create(block[0]);
        var equal = Vector256<T>.AllBitsSet;
        // The block is 32 elements long: a multiple of the vector's length for both element types.
        for (var i = 0; i < BlockLength; i += Vector256<T>.Count) equal &= Vector256.Equals(first, Vector256.LoadUnsafe(ref p, (nuint)i));
        return equal == Vector256<T>.AllBitsSet;
    }

    private static int WriteRun(Span<byte> destination, int count, uint value, int width)
    {
        var written = Varint.Write(destination, (ulong)(uint)count << 1);
        for (var bits = 0; bits < width; bits += 8) destination[written++] = (byte)(value >> bits);
        return written;
    }

    private static int WritePacked<T>(Span<byte> destination, ReadOnlySpan<T> values, int width)
        where T : unmanaged, INumber<T>
    {
        var groups = (values.Length + 7) / 8;
        var written = Varint.Write(destination, ((ulong)(uint)groups << 1) | 1);
        var whole = values.Length & ~7;
        // The caller's span has room for all groups and StoreSlackBytes more; the source is read in whole groups of eight.
        ref var target = ref MemoryMarshal.GetReference(destination[..(written + (groups * width) + BitPacking.StoreSlackBytes)]);
        ref var source = ref MemoryMarshal.GetReference(values);
        for (var i = 0; i < whole; i += 8, written += width)
            Pack8(ref Unsafe.Add(ref source, i), ref Unsafe.Add(ref target, written), width);
        if (whole == values.Length) return written;
        Span<T> padded = stackalloc T[8];
        padded.Clear();
        values[whole..].CopyTo(padded);
        Pack8(ref MemoryMarshal.GetReference(padded), ref Unsafe.Add(ref target, written), width);
        return written + width;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pack8<T>(ref T source, ref byte destination, int width)
    {
        if (typeof(T) == typeof(byte)) BitPacking.Pack8(ref Unsafe.As<T, byte>(ref source), ref destination, width);
        else BitPacking.Pack8(ref Unsafe.As<T, int>(ref source), ref destination, width);
    }
}
