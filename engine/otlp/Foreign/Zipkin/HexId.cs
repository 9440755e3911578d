using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>Ids in hex digits of either case, shorter ones left-padded with zeros.</summary>
internal static class HexId
{
    /// <summary>1 to 32 digits as two halves; false for another length or a digit that is not hex.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ulong high, out ulong low)
    {
        high = low = 0;
        if (text.Length is 0 or > 32) return false;
        if (text.Length == 32) return TryParse16(text[..16], out high) && TryParse16(text[16..], out low);
        if (text.Length == 16) return TryParse16(text, out low);
        var split = Math.Max(0, text.Length - 16);
        return TryParseShort(text[..split], out high) && TryParseShort(text[split..], out low);
    }

    // All digits at once: of a digit the value lies in its low half, of a letter 9 less than it.
    private static bool TryParse16(ReadOnlySpan<byte> text, out ulong value)
    {
        var digits = Vector128.Create(text);
        var letters = (digits | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
        var isLetter = Vector128.LessThanOrEqual(letters, Vector128.Create((byte)5));
        var isDigit = Vector128.LessThanOrEqual(digits - Vector128.Create((byte)'0'), Vector128.Create((byte)9));
        var halves = ((digits & Vector128.Create((byte)0x0F)) + (isLetter & Vector128.Create((byte)9))).AsUInt16();
        // The first of two digits is the low byte, and the higher half of their value.
        var bytes = (halves & Vector128.Create((ushort)0xFF)) << 4 | halves >> 8;
        value = BinaryPrimitives.ReverseEndianness(Vector128.Narrow(bytes, bytes).AsUInt64().ToScalar());
        return (isLetter | isDigit) == Vector128<byte>.AllBitsSet;
    }

    private static bool TryParseShort(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        foreach (var b in text)
        {
            var digit = b switch
            {
                >= (byte)'0' and <= (byte)'9' => b - '0',
                >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
                _ => -1,
            };
            if (digit < 0) return false;
            value = value << 4 | (uint)digit;
        }

        return true;
    }
}
