using System.Globalization;

namespace Tempo.Host.Config;

/// <summary>
/// Sizes of the configuration: a plain number of bytes (also <c>0x…</c> and <c>1_000</c>), or with a unit: <c>64MiB</c>,
/// <c>500MB</c>.
/// </summary>
public static class ByteSize
{
    private static readonly (string Suffix, long Scale)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ];

    /// <summary>False for anything that is not a whole, non-negative number of bytes below 2⁶³.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        var digits = text.AsSpan();
        long scale = 1;
        foreach (var (suffix, unit) in Units)
        {
            if (!digits.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) continue;
            if (digits.StartsWith("0x")) break;
            digits = digits[..^suffix.Length].TrimEnd();
            scale = unit;
            break;
        }

        bytes = 0;
        if (!TryParseWhole(digits, out var number) || number > long.MaxValue / scale) return false;
        bytes = number * scale;
        return true;
    }

    /// <summary>
    /// A YAML integer that is not negative: decimal with optional underscores, or hexadecimal; or a float without a fraction, since
    /// Helm writes large integers as <c>4.194304e+06</c>.
    /// </summary>
    public static bool TryParseWhole(ReadOnlySpan<char> text, out long value)
    {
        var plain = text.Contains('_') ? text.ToString().Replace("_", "", StringComparison.Ordinal) : text;
        if (plain.StartsWith("0x"))
            return long.TryParse(plain[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value >= 0;
        if (long.TryParse(plain, NumberStyles.None, CultureInfo.InvariantCulture, out value)) return true;
        const NumberStyles floating = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!decimal.TryParse(plain, floating, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue
            || number != decimal.Truncate(number))
            return false;
        value = (long)number;
        return true;
    }
}
