using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Tests 64 packed numbers at once, without writing them down: a word of bits says on which the test holds. The scalar forms are the
/// truth. All read <see cref="BytesRead"/> of the width from the source.
/// </summary>
internal static class PackedMarks
{
    private const ulong ByteLanes = 0x0101_0101_0101_0101;

    /// <summary>Most bytes that 64 numbers and what is read behind them take: 32 bits each.</summary>
    public const int MaxBytesRead = 64 * 4 + 8;

    /// <summary>Bytes that are read for 64 numbers: the last eight begin 7 * width before their end, and are read as a whole.</summary>
    public static int BytesRead(int width) => 8 * width + 8;

    /// <summary>
    /// Numbers of at most 8 bits that are <paramref name="level"/> or more; <paramref name="max"/> becomes the largest one met.
    /// </summary>
    public static ulong AtLeast(UnpackKind kind, ref byte source, int width, byte level, ref byte max)
    {
        if (kind == UnpackKind.Scalar) return AtLeastScalar(ref source, width, level, ref max);
        var (low, high) = Unpack(ref source, width);
        var largest = Vector256.Max(low, high);
        if (Vector256.GreaterThanAny(largest, Vector256.Create(max))) max = Largest(largest, max);
        var wanted = Vector256.Create(level);
        return (ulong)Vector256.GreaterThanOrEqual(high, wanted).ExtractMostSignificantBits() << 32
            | Vector256.GreaterThanOrEqual(low, wanted).ExtractMostSignificantBits();
    }

    /// <summary>Numbers of 1 to 32 bits that equal <paramref name="value"/>.</summary>
    public static ulong Equal(UnpackKind kind, ref byte source, int width, uint value)
    {
        if (kind == UnpackKind.Scalar) return EqualScalar(ref source, width, value);
        if (width <= 8)
        {
            var wanted = Vector256.Create((byte)value);
            var (low, high) =
                width == 8 ? (Vector256.LoadUnsafe(ref source), Vector256.LoadUnsafe(ref source, 32)) : Unpack(ref source, width);
            return (ulong)Vector256.Equals(high, wanted).ExtractMostSignificantBits() << 32
                | Vector256.Equals(low, wanted).ExtractMostSignificantBits();
        }

        return width == 16 ? EqualOfWords(ref source, (ushort)value) : EqualOfInts(ref source, width, value);
    }

    // Eight numbers are spread over the bytes of a register by one instruction.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<byte> Low, Vector256<byte> High) Unpack(ref byte source, int width)
    {
        var lanes = ByteLanes * ((1UL << width) - 1);
        return (Vector256.Create(Spread(ref source, 0, width, lanes), Spread(ref source, 1, width, lanes),
            Spread(ref source, 2, width, lanes), Spread(ref source, 3, width, lanes)).AsByte(),
            Vector256.Create(Spread(ref source, 4, width, lanes), Spread(ref source, 5, width, lanes), Spread(ref source, 6, width, lanes),
                Spread(ref source, 7, width, lanes)).AsByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Spread(ref byte source, int group, int width, ulong lanes) =>
        Bmi2.X64.ParallelBitDeposit(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, group * width)), lanes);

    private static ulong EqualOfWords(ref byte source, ushort value)
    {
        var wanted = Vector256.Create(value);
        ulong marks = 0;
        for (var i = 0; i < 4; i++)
            marks |= (ulong)Vector256.Equals(Vector256.LoadUnsafe(ref source, (nuint)i * 32).AsUInt16(), wanted)
                .ExtractMostSignificantBits() << (i * 16);
        return marks;
    }

    // Eight numbers at their bytes, each shifted by what is left of its place; 7 + 25 bits fit.
    private static ulong EqualOfInts(ref byte source, int width, uint value)
    {
        if (width > 25) return EqualScalar(ref source, width, value);
        var mask = Vector256.Create((1u << width) - 1);
        var wanted = Vector256.Create(value);
        var places = Vector256.Create(0, width, 2 * width, 3 * width, 4 * width, 5 * width, 6 * width, 7 * width);
        var bytes = places >> 3;
        var shifts = (places & Vector256.Create(7)).AsUInt32();
        ulong marks = 0;
        for (var group = 0; group < 8; group++)
        {
            ref var from = ref Unsafe.Add(ref source, group * width);
            var words = Vector256.Create(
                Word(ref from, bytes[0]), Word(ref from, bytes[1]), Word(ref from, bytes[2]), Word(ref from, bytes[3]),
                Word(ref from, bytes[4]), Word(ref from, bytes[5]), Word(ref from, bytes[6]), Word(ref from, bytes[7]));
            var numbers = Avx2.ShiftRightLogicalVariable(words, shifts) & mask;
            marks |= (ulong)Vector256.Equals(numbers, wanted).ExtractMostSignificantBits() << (group * 8);
        }

        return marks;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ref byte source, int at) => Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref source, at));

    private static byte Largest(Vector256<byte> values, byte max)
    {
        for (var i = 0; i < Vector256<byte>.Count; i++) max = Math.Max(max, values[i]);
        return max;
    }

    private static ulong AtLeastScalar(ref byte source, int width, byte level, ref byte max)
    {
        var packed = MemoryMarshal.CreateReadOnlySpan(ref source, BytesRead(width));
        ulong marks = 0;
        for (var i = 0; i < 64; i++)
        {
            var number = NumberAt(packed, i, width);
            max = (byte)Math.Max(max, number);
            if (number >= level) marks |= 1UL << i;
        }

        return marks;
    }

    private static ulong EqualScalar(ref byte source, int width, uint value)
    {
        var packed = MemoryMarshal.CreateReadOnlySpan(ref source, BytesRead(width));
        ulong marks = 0;
        for (var i = 0; i < 64; i++)
            if (NumberAt(packed, i, width) == value)
                marks |= 1UL << i;
        return marks;
    }

    /// <summary>Number <paramref name="index"/> of those packed with a width of 1 to 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NumberAt(ReadOnlySpan<byte> packed, int index, int width) =>
        (uint)(BitPacking.ReadBits(packed, (long)index * width, width) & uint.MaxValue >> (32 - width));
}
