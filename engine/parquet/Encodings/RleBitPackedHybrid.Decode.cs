using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Parquet;

// Decoding fills a span whose length the page header gave: runs that claim more than that are cut, so a lying run costs nothing.
internal static partial class RleBitPackedHybrid
{
    /// <summary>
    /// Decodes numbers of <paramref name="width"/> ≤ 8 bits until the destination is full; false if the runs end before or are
    /// malformed. <paramref name="consumed"/> is the end of the last run that was needed.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, int width, Span<byte> destination, out int consumed) =>
        TryDecode<byte>(source, width, destination, out consumed);

    /// <summary>The same for numbers of <paramref name="width"/> ≤ 32 bits.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, int width, Span<int> destination, out int consumed) =>
        TryDecode<int>(source, width, destination, out consumed);

    /// <summary>
    /// Decodes a part of <paramref name="total"/> numbers: those from <paramref name="skip"/> on that the destination has room for. The
    /// runs before and behind are passed over, though all must be there.
    /// </summary>
    public static bool TryDecodePart(ReadOnlySpan<byte> source, int width, int total, int skip, Span<int> destination)
    {
        var position = 0;
        for (var left = total; left > 0;)
        {
            if (!Varint.TryRead(source, ref position, out var header)) return false;
            var isRun = (header & 1) == 0;
            var value = 0u;
            ReadOnlySpan<byte> packed = default;
            var claimed = Math.Min(header >> 1, (ulong)int.MaxValue);
            var count = (int)Math.Min(isRun ? claimed : claimed * 8, (ulong)left);
            if (isRun)
            {
                if (!TryReadRunValue(source, ref position, width, out value)) return false;
            }
            else
            {
                packed = source[position..];
                if (((long)count * width) + 7 >> 3 > packed.Length) return false;
                position += (int)Math.Min((long)claimed * width, packed.Length);
            }

            left -= count;
            var passed = Math.Min(skip, count);
            skip -= passed;
            var taken = Math.Min(count - passed, destination.Length);
            if (taken == 0) continue;
            if (isRun) destination[..taken].Fill((int)value);
            else UnpackPart(packed, width, passed, destination[..taken]);
            destination = destination[taken..];
        }

        return destination.IsEmpty;
    }

    // The first number may lie within a group of eight.
    private static void UnpackPart(ReadOnlySpan<byte> packed, int width, int first, Span<int> destination)
    {
        if ((first & 7) is > 0 and var within)
        {
            Span<int> group = stackalloc int[8];
            Unpack(packed[(first / 8 * width)..], width, group);
            var taken = Math.Min(8 - within, destination.Length);
            group.Slice(within, taken).CopyTo(destination);
            destination = destination[taken..];
            first += 8 - within;
        }

        if (!destination.IsEmpty) Unpack(packed[(first / 8 * width)..], width, destination);
    }

    private static bool TryDecode<T>(ReadOnlySpan<byte> source, int width, Span<T> destination, out int consumed)
        where T : unmanaged
    {
        consumed = 0;
        var position = 0;
        while (destination.Length > 0)
        {
            if (typeof(T) == typeof(byte) && width is > 0 and <= 8)
            {
                var filled = DecodeShortRuns(source, ref position,
                    MemoryMarshal.CreateSpan(ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(destination)), destination.Length));
                destination = destination[filled..];
                if (destination.IsEmpty) break;
            }

            if (!Varint.TryRead(source, ref position, out var header)) return false;
            var count = (int)Math.Min(header >> 1, (ulong)int.MaxValue);
            if ((header & 1) == 0)
            {
                if (!TryReadRunValue(source, ref position, width, out var value)) return false;
                count = Math.Min(count, destination.Length);
                destination[..count].Fill(Unsafe.As<uint, T>(ref value));
            }
            else
            {
                var packed = source[position..];
                // Of the count that was bounded above: what a header claims may be more than 64 bits of bytes.
                var packedBytes = Math.Min((long)count * width, packed.Length);
                count = (int)Math.Min(count * 8L, destination.Length);
                if (((long)count * width) + 7 >> 3 > packed.Length) return false;
                Unpack(packed, width, destination[..count]);
                position += (int)packedBytes;
            }

            destination = destination[count..];
        }

        consumed = position;
        return true;
    }

    // Runs of one number less than 64 times, as long as they come one behind the other and whole vectors may be stored; the result is how
    // many numbers they were.
    private static int DecodeShortRuns(ReadOnlySpan<byte> source, ref int position, Span<byte> destination)
    {
        var (at, filled) = (position, 0);
        ref var to = ref MemoryMarshal.GetReference(destination);
        while (at + 1 < source.Length && destination.Length - filled >= 64)
        {
            int header = source[at];
            if ((header & 0x81) != 0) break;
            var numbers = Vector256.Create(source[at + 1]);
            numbers.StoreUnsafe(ref to, (nuint)filled);
            if (header > 64) numbers.StoreUnsafe(ref to, (nuint)filled + 32);
            filled += header >> 1;
            at += 2;
        }

        position = at;
        return filled;
    }

    private static bool TryReadRunValue(ReadOnlySpan<byte> source, ref int position, int width, out uint value)
    {
        value = 0;
        var bytes = (width + 7) / 8;
        if (bytes > source.Length - position) return false;
        for (var i = 0; i < bytes; i++) value |= (uint)source[position++] << (8 * i);
        return true;
    }

    private static void Unpack<T>(ReadOnlySpan<byte> source, int width, Span<T> destination)
        where T : unmanaged
    {
        var done = 0;
        // Whole groups of eight whose loads stay within the source: the last load of a group begins before its end and is 8 bytes.
        var safe = width == 0 ? 0 : Math.Clamp((source.Length - 8) / width, 0, destination.Length / 8);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(destination);
        for (var group = 0; group < safe; group++, done += 8)
            Unpack8(ref Unsafe.Add(ref from, group * width), ref Unsafe.Add(ref to, done), width);
        Span<byte> padded = stackalloc byte[48];
        Span<T> group8 = stackalloc T[8];
        for (; done < destination.Length; done += 8)
        {
            padded.Clear();
            var rest = source[(done / 8 * width)..];
            rest[..Math.Min(rest.Length, width)].CopyTo(padded);
            Unpack8(ref MemoryMarshal.GetReference(padded), ref MemoryMarshal.GetReference(group8), width);
            group8[..Math.Min(8, destination.Length - done)].CopyTo(destination[done..]);
        }
    }

    /// <summary>Eight numbers; reads fewer than <paramref name="width"/> + 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unpack8<T>(ref byte source, ref T destination, int width)
    {
        if (typeof(T) == typeof(byte))
        {
            Unsafe.WriteUnaligned(
                ref Unsafe.As<T, byte>(ref destination), BitPacking.Unpack8(Unsafe.ReadUnaligned<ulong>(ref source), width));
            return;
        }

        ref var ints = ref Unsafe.As<T, uint>(ref destination);
        if (width <= 8)
        {
            var words =
                Vector128.WidenLower(Vector128.CreateScalar(BitPacking.Unpack8(Unsafe.ReadUnaligned<ulong>(ref source), width)).AsByte());
            Vector128.WidenLower(words).StoreUnsafe(ref ints);
            Vector128.WidenUpper(words).StoreUnsafe(ref ints, 4);
        }
        else if (width <= 16)
        {
            var lower = BitPacking.Unpack4(Unsafe.ReadUnaligned<ulong>(ref source), width);
            // Four numbers end on a half byte if the width is odd.
            var upper = BitPacking.Unpack4(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, width / 2)) >> (4 * (width & 1)), width);
            Vector128.WidenLower(Vector128.CreateScalar(lower).AsUInt16()).StoreUnsafe(ref ints);
            Vector128.WidenLower(Vector128.CreateScalar(upper).AsUInt16()).StoreUnsafe(ref ints, 4);
        }
        else
        {
            Unpack8Wide(ref source, ref ints, width);
        }
    }

    private static void Unpack8Wide(ref byte source, ref uint destination, int width)
    {
        var mask = uint.MaxValue >> (32 - width);
        for (var i = 0; i < 8; i++)
        {
            var bit = i * width;
            // A number starts within its first byte, so 8 bytes hold it whole: 7 + 32 bits.
            var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, bit >> 3));
            Unsafe.Add(ref destination, i) = (uint)(word >> (bit & 7)) & mask;
        }
    }
}
