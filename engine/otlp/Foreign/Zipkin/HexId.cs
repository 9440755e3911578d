using System.Buffers;

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

    private static bool TryParse16(ReadOnlySpan<byte> text, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        Span<char> digits = stackalloc char[16];
        for (var i = 0; i < digits.Length; i++) digits[i] = (char)text[i];
        var isHex = Convert.FromHexString(digits, bytes, out _, out _) == OperationStatus.Done;
        value = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes);
        return isHex;
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
