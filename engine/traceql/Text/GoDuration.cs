using System.Globalization;

namespace Tempo.Engine.TraceQL.Text;

/// <summary>
/// Durations as the language and its answers write them. Read: first as Prometheus does (whole numbers of
/// y w d h m s ms, from large to small), else as Go's time package (decimals of h m s ms us µs ns in any order).
/// Written: as Go, for example 1h0m0s, 1.5s, 200ms, 1µs.
/// </summary>
public static class GoDuration
{
    private const long Microsecond = 1_000;
    private const long Millisecond = 1_000 * Microsecond;
    private const long Second = 1_000 * Millisecond;
    private const long Minute = 60 * Second;
    private const long Hour = 60 * Minute;

    private static readonly (string Unit, long Nanoseconds)[] PrometheusUnits =
    [
        ("y", 365 * 24 * Hour), ("w", 7 * 24 * Hour), ("d", 24 * Hour), ("h", Hour), ("m", Minute), ("s", Second), ("ms", Millisecond),
    ];

    /// <summary>Reads an unsigned duration; false when the text is none or passes 2^63−1 ns.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out long nanoseconds) =>
        TryParsePrometheus(text, out nanoseconds) || TryParseGo(text, out nanoseconds);

    /// <summary>The Go text of a duration in nanoseconds.</summary>
    public static string Format(long nanoseconds)
    {
        if (nanoseconds == 0)
            return "0s";
        string sign = nanoseconds < 0 ? "-" : "";
        ulong magnitude = nanoseconds < 0 ? 0 - (ulong)nanoseconds : (ulong)nanoseconds;
        if (magnitude < Microsecond)
            return $"{sign}{magnitude}ns";
        if (magnitude < Millisecond)
            return $"{sign}{Decimal(magnitude, Microsecond)}µs";
        if (magnitude < Second)
            return $"{sign}{Decimal(magnitude, Millisecond)}ms";

        string seconds = Decimal(magnitude % Minute, Second) + "s";
        ulong minutes = magnitude / Minute;
        if (minutes == 0)
            return sign + seconds;
        return minutes < 60 ? $"{sign}{minutes}m{seconds}" : $"{sign}{minutes / 60}h{minutes % 60}m{seconds}";
    }

    private static string Decimal(ulong value, ulong unit)
    {
        ulong fraction = value % unit;
        string whole = (value / unit).ToString(CultureInfo.InvariantCulture);
        if (fraction == 0)
            return whole;
        int digits = unit == Second ? 9 : unit == Millisecond ? 6 : 3;
        return $"{whole}.{fraction.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0').TrimEnd('0')}";
    }

    private static bool TryParsePrometheus(ReadOnlySpan<char> text, out long nanoseconds)
    {
        nanoseconds = 0;
        int nextUnit = 0;
        if (text.IsEmpty)
            return false;
        while (!text.IsEmpty)
        {
            int digits = CountDigits(text);
            if (digits == 0 || !long.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out long count))
                return false;
            text = text[digits..];
            ReadOnlySpan<char> unit = text[..CountUnitChars(text)];
            while (nextUnit < PrometheusUnits.Length && !unit.SequenceEqual(PrometheusUnits[nextUnit].Unit))
                nextUnit++;
            if (nextUnit == PrometheusUnits.Length || !TryAdd(ref nanoseconds, (Int128)count * PrometheusUnits[nextUnit].Nanoseconds))
                return false;
            nextUnit++;
            text = text[unit.Length..];
        }

        return true;
    }

    private static bool TryParseGo(ReadOnlySpan<char> text, out long nanoseconds)
    {
        nanoseconds = 0;
        if (text.IsEmpty)
            return false;
        while (!text.IsEmpty)
        {
            int wholeDigits = CountDigits(text);
            ReadOnlySpan<char> whole = text[..wholeDigits];
            text = text[wholeDigits..];
            ReadOnlySpan<char> fraction = default;
            if (!text.IsEmpty && text[0] == '.')
            {
                fraction = text.Slice(1, CountDigits(text[1..]));
                text = text[(1 + fraction.Length)..];
            }

            int unitLength = CountUnitChars(text);
            if (whole.IsEmpty && fraction.IsEmpty || !TryGoUnit(text[..unitLength], out long unit))
                return false;
            long count = 0;
            if (!whole.IsEmpty && !long.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out count))
                return false;
            if (!TryAdd(ref nanoseconds, (Int128)count * unit + FractionOf(unit, fraction)))
                return false;
            text = text[unitLength..];
        }

        return true;
    }

    private static long FractionOf(long unit, ReadOnlySpan<char> digits)
    {
        // 18 digits fit a long; more do not change a nanosecond.
        digits = digits[..Math.Min(digits.Length, 18)];
        Int128 numerator = 0;
        Int128 denominator = 1;
        foreach (char digit in digits)
        {
            numerator = numerator * 10 + (digit - '0');
            denominator *= 10;
        }

        return (long)(numerator * unit / denominator);
    }

    private static bool TryGoUnit(ReadOnlySpan<char> unit, out long nanoseconds)
    {
        nanoseconds = unit switch
        {
            "ns" => 1,
            "us" or "µs" or "μs" => Microsecond,
            "ms" => Millisecond,
            "s" => Second,
            "m" => Minute,
            "h" => Hour,
            _ => 0,
        };
        return nanoseconds != 0;
    }

    private static bool TryAdd(ref long sum, Int128 part)
    {
        Int128 total = sum + part;
        if (total > long.MaxValue)
            return false;
        sum = (long)total;
        return true;
    }

    private static int CountDigits(ReadOnlySpan<char> text)
    {
        int count = text.IndexOfAnyExceptInRange('0', '9');
        return count < 0 ? text.Length : count;
    }

    private static int CountUnitChars(ReadOnlySpan<char> text)
    {
        int count = 0;
        while (count < text.Length && text[count] is not (>= '0' and <= '9' or '.'))
            count++;
        return count;
    }
}
