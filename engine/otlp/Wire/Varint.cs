using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.Otlp.Wire;

/// <summary>
/// Base-128 integers: seven bits a byte, the least significant group first, the high bit set on all bytes but the last
/// (https://protobuf.dev/programming-guides/encoding/#varints).
/// </summary>
public static class Varint
{
    /// <summary>Longest encoding: ten groups of seven bits carry 64.</summary>
    public const int MaxSizeBytes = 10;

    /// <summary>What <see cref="Decode"/> answers when no byte of the first ten ends the integer.</summary>
    public const int TooLong = -1;

    /// <summary>
    /// Bytes read; 0 if <paramref name="source"/> ends within the integer; <see cref="TooLong"/>. Bits beyond the 64th are
    /// dropped, and padded encodings are taken, as protobuf parsers do.
    /// </summary>
    public static int Decode(ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        var available = Math.Min(source.Length, MaxSizeBytes);
        for (var index = 0; index < available; index++)
        {
            ulong group = source[index];
            value |= (group & 0x7F) << (7 * index);
            if (group < 0x80) return index + 1;
        }

        return available == MaxSizeBytes ? TooLong : 0;
    }

    /// <summary>Bytes that <see cref="Encode"/> writes for <paramref name="value"/>: 1 to 10.</summary>
    public static int SizeBytes(ulong value) => (int)(((uint)BitOperations.Log2(value | 1) * 9 + 73) / 64);

    /// <summary>Writes the shortest encoding and returns its size; <paramref name="destination"/> has room for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)] // of a tag, which is a constant, nothing is left but a byte
    public static int Encode(Span<byte> destination, ulong value)
    {
        if (value >= 0x80) return EncodeLong(destination, value);
        destination[0] = (byte)value;
        return 1;
    }

    private static int EncodeLong(Span<byte> destination, ulong value)
    {
        var size = 0;
        while (value >= 0x80)
        {
            destination[size++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[size++] = (byte)value;
        return size;
    }
}
