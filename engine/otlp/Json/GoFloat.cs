using System.Globalization;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Floating point as Go's encoding/json writes it: the shortest digits that read back to the same number, laid out plainly
/// for magnitudes from 1e-6 up to, not including, 1e21, else with an exponent of no leading zero
/// (<c>1e+21</c>, <c>1.5e-7</c>). .NET finds the same digits but draws the lines elsewhere.
/// </summary>
internal static class GoFloat
{
    /// <summary>Sign, point, 17 digits and up to 21 places of zeros; more than any number takes.</summary>
    public const int MaxSizeBytes = 48;

    private const int MaxDigits = 17;
    private const int MinPlainExponent = -6;
    private const int MaxPlainExponent = 20;

    /// <summary>Writes the number and returns its size; <paramref name="destination"/> holds <see cref="MaxSizeBytes"/>.</summary>
    public static int Format(double value, Span<byte> destination)
    {
        if (!double.IsFinite(value)) return FormatNonFinite(value, destination);
        if (value == 0) return Append(destination, 0, double.IsNegative(value) ? "-0"u8 : "0"u8);

        var size = 0;
        if (value < 0) destination[size++] = (byte)'-';
        Span<byte> digits = stackalloc byte[MaxDigits];
        digits = digits[..ShortestDigits(Math.Abs(value), digits, out var exponent)];
        return exponent is >= MinPlainExponent and <= MaxPlainExponent
            ? AppendPlain(destination, size, digits, exponent)
            : AppendScientific(destination, size, digits, exponent);
    }

    private static int FormatNonFinite(double value, Span<byte> destination) =>
        Append(destination, 0, double.IsNaN(value) ? "\"NaN\""u8 : value > 0 ? "\"Infinity\""u8 : "\"-Infinity\""u8);

    /// <summary>The significant digits of a positive number d.ddd × 10^exponent, without trailing zeros.</summary>
    private static int ShortestDigits(double value, Span<byte> digits, out int exponent)
    {
        // "R" is shortest round-trip: 123.45, 1E+16, 1.5E-07, 0.0001.
        Span<byte> text = stackalloc byte[MaxSizeBytes];
        value.TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);
        text = text[..length];

        exponent = 0;
        var exponentIndex = text.IndexOf((byte)'E');
        if (exponentIndex >= 0)
        {
            exponent = int.Parse(text[(exponentIndex + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..exponentIndex];
        }

        var pointIndex = text.IndexOf((byte)'.');
        exponent += (pointIndex < 0 ? text.Length : pointIndex) - 1;
        var count = 0;
        foreach (var character in text)
        {
            if (character == '.') continue;
            if (character == '0' && count == 0) exponent--;
            else digits[count++] = character;
        }

        return digits[..count].TrimEnd((byte)'0').Length;
    }

    private static int AppendPlain(Span<byte> destination, int size, ReadOnlySpan<byte> digits, int exponent)
    {
        if (exponent < 0)
        {
            size = Append(destination, size, "0."u8);
            size = AppendZeros(destination, size, -exponent - 1);
            return Append(destination, size, digits);
        }

        var integerDigits = exponent + 1;
        if (digits.Length <= integerDigits)
        {
            size = Append(destination, size, digits);
            return AppendZeros(destination, size, integerDigits - digits.Length);
        }

        size = Append(destination, size, digits[..integerDigits]);
        destination[size++] = (byte)'.';
        return Append(destination, size, digits[integerDigits..]);
    }

    private static int AppendScientific(Span<byte> destination, int size, ReadOnlySpan<byte> digits, int exponent)
    {
        destination[size++] = digits[0];
        if (digits.Length > 1)
        {
            destination[size++] = (byte)'.';
            size = Append(destination, size, digits[1..]);
        }

        destination[size++] = (byte)'e';
        destination[size++] = exponent < 0 ? (byte)'-' : (byte)'+';
        Math.Abs(exponent).TryFormat(destination[size..], out var exponentSize, default, CultureInfo.InvariantCulture);
        return size + exponentSize;
    }

    private static int Append(Span<byte> destination, int size, ReadOnlySpan<byte> text)
    {
        text.CopyTo(destination[size..]);
        return size + text.Length;
    }

    private static int AppendZeros(Span<byte> destination, int size, int count)
    {
        destination.Slice(size, count).Fill((byte)'0');
        return size + count;
    }
}
