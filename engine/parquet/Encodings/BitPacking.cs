using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Packs numbers of a fixed width in bits, the first in the lowest bits of the first byte (the order of the RLE and DELTA encodings).
/// Numbers come in groups of eight, which take <c>width</c> bytes. Where the CPU has PEXT/PDEP eight or four numbers are packed by
/// one instruction; the portable loop is the twin that defines the result.
/// </summary>
internal static class BitPacking
{
    private const ulong ByteLanes = 0x0101_0101_0101_0101;
    private const ulong UShortLanes = 0x0001_0001_0001_0001;

    /// <summary>Widest number that lies within 8 bytes wherever in the first of them it begins.</summary>
    internal const int MaxWordBits = 64 - 7;

    /// <summary>Bytes that <see cref="Pack8"/> may touch behind its result: its stores are 8 bytes wide.</summary>
    public const int StoreSlackBytes = 16;

    /// <summary>Packs eight numbers of at most 8 bits. Writes <paramref name="width"/> bytes and may touch 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack8(ref byte source, ref byte destination, int width)
    {
        var lanes = Unsafe.ReadUnaligned<ulong>(ref source);
        Unsafe.WriteUnaligned(ref destination, CompressLanes(lanes, ByteLanes, width, 8));
    }

    /// <summary>
    /// Packs eight numbers of at most <paramref name="width"/> ≤ 32 bits. May touch <see cref="StoreSlackBytes"/> behind its result.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack8(ref int source, ref byte destination, int width)
    {
        var lower = Vector128.LoadUnsafe(ref source).AsUInt32();
        var upper = Vector128.LoadUnsafe(ref source, 4).AsUInt32();
        if (width <= 16)
        {
            var words = Vector128.Narrow(lower, upper);
            if (width <= 8)
            {
                var bytes = Vector128.Narrow(words, words).AsUInt64().ToScalar();
                Unsafe.WriteUnaligned(ref destination, CompressLanes(bytes, ByteLanes, width, 8));
                return;
            }

            var quads = words.AsUInt64();
            var first = CompressLanes(quads.GetElement(0), UShortLanes, width, 16);
            var second = CompressLanes(quads.GetElement(1), UShortLanes, width, 16);
            // Four numbers take width / 2 bytes, which is a half byte too many for odd widths: join the two halves first.
            var joined = (UInt128)first | ((UInt128)second << (4 * width));
            Unsafe.WriteUnaligned(ref destination, (ulong)joined);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, 8), (ulong)(joined >> 64));
            return;
        }

        Pack8Wide(ref source, ref destination, width);
    }

    /// <summary>
    /// Unpacks eight numbers of at most 8 bits from the low bits of <paramref name="packed"/> to the bytes of the result.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Unpack8(ulong packed, int width) => ExpandLanes(packed, ByteLanes, width, 8);

    /// <summary>Unpacks four numbers of at most 16 bits to the 16-bit lanes of the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Unpack4(ulong packed, int width) => ExpandLanes(packed, UShortLanes, width, 16);

    /// <summary>
    /// Packs 64-bit numbers of <paramref name="width"/> bits; a multiple of eight of them. Writes exactly count × width / 8 bytes.
    /// </summary>
    public static void PackLongs(ReadOnlySpan<ulong> source, Span<byte> destination, int width)
    {
        if (width == 0) return;
        ulong buffer = 0;
        var filled = 0;
        var position = 0;
        foreach (var value in source)
        {
            buffer |= value << filled;
            filled += width;
            if (filled < 64) continue;
            MemoryMarshal.Write(destination[position..], buffer);
            position += 8;
            filled -= 64;
            // A shift by 64 is a shift by 0 on this machine, hence the test.
            buffer = filled == 0 ? 0 : value >> (width - filled);
        }

        for (; filled > 0; filled -= 8, buffer >>= 8) destination[position++] = (byte)buffer;
    }

    /// <summary>Unpacks 64-bit numbers of <paramref name="width"/> bits; <paramref name="source"/> holds all of them.</summary>
    public static void UnpackLongs(ReadOnlySpan<byte> source, Span<ulong> destination, int width)
    {
        if (width == 0)
        {
            destination.Clear();
            return;
        }

        var mask = ulong.MaxValue >> (64 - width);
        var done = 0;
        if (width <= MaxWordBits)
        {
            // Whole within the 8 bytes at their first one, as long as those are there.
            var safe =
                source.Length < sizeof(ulong) ? 0 : (int)Math.Min(destination.Length, (source.Length - sizeof(ulong)) * 8L / width + 1);
            ref var from = ref MemoryMarshal.GetReference(source);
            for (; done < safe; done++)
            {
                var bit = done * width;
                destination[done] = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, bit >> 3)) >> (bit & 7) & mask;
            }
        }

        for (var i = done; i < destination.Length; i++)
        {
            var bit = (long)i * width;
            destination[i] = ReadBits(source, bit, width) & mask;
        }
    }

    /// <summary>
    /// The 64 bits from <paramref name="bit"/> on, as far as <paramref name="width"/> of them; the rest is whatever follows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ReadBits(ReadOnlySpan<byte> source, long bit, int width)
    {
        var start = (int)(bit >> 3);
        var shift = (int)(bit & 7);
        if (start + 8 > source.Length) return ReadBitsAtEnd(source[start..], shift);
        var value = MemoryMarshal.Read<ulong>(source[start..]) >> shift;
        if (shift + width > 64) value |= (ulong)source[start + 8] << (64 - shift);
        return value;
    }

    private static ulong ReadBitsAtEnd(ReadOnlySpan<byte> source, int shift)
    {
        Span<byte> padded = stackalloc byte[8];
        padded.Clear();
        source.CopyTo(padded);
        return MemoryMarshal.Read<ulong>(padded) >> shift;
    }

    private static void Pack8Wide(ref int source, ref byte destination, int width)
    {
        ulong buffer = 0;
        int filled = 0, position = 0;
        for (var i = 0; i < 8; i++)
        {
            buffer |= (ulong)(uint)Unsafe.Add(ref source, i) << filled;
            filled += width;
            if (filled < 32) continue;
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, position), (uint)buffer);
            position += 4;
            buffer >>= 32;
            filled -= 32;
        }

        Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, position), (uint)buffer);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong CompressLanes(ulong lanes, ulong laneOnes, int width, int laneBits) =>
        Bmi2.X64.IsSupported
            ? Bmi2.X64.ParallelBitExtract(lanes, LaneMask(laneOnes, width))
            : CompressLanesPortable(lanes, width, laneBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ExpandLanes(ulong packed, ulong laneOnes, int width, int laneBits) =>
        Bmi2.X64.IsSupported
            ? Bmi2.X64.ParallelBitDeposit(packed, LaneMask(laneOnes, width))
            : ExpandLanesPortable(packed, width, laneBits);

    /// <summary>The low <paramref name="width"/> bits of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong LaneMask(ulong laneOnes, int width) => laneOnes * ((1ul << width) - 1);

    internal static ulong CompressLanesPortable(ulong lanes, int width, int laneBits)
    {
        var mask = (1ul << width) - 1;
        ulong packed = 0;
        for (int from = 0, to = 0; from < 64; from += laneBits, to += width) packed |= ((lanes >> from) & mask) << to;
        return packed;
    }

    internal static ulong ExpandLanesPortable(ulong packed, int width, int laneBits)
    {
        var mask = (1ul << width) - 1;
        ulong lanes = 0;
        for (int from = 0, to = 0; to < 64; from += width, to += laneBits) lanes |= ((packed >> from) & mask) << to;
        return lanes;
    }
}
