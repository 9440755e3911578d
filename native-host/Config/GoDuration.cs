using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tempo.Host.Config;

/// <summary>
/// Durations in Go's syntax (<c>1h30m</c>, <c>-1.5s</c>, <c>100ms</c>, <c>0</c>), which Tempo's configuration and API
/// use, and in Prometheus's (<c>7d</c>, <c>1w</c>), which its <c>since</c> parameter uses. Counted in nanoseconds.
/// </summary>
public static class GoDuration
{
    private const long Second = 1_000_000_000;
    private const long Minute = 60 * Second;
    private const long Hour = 60 * Minute;
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>
    /// Parses Go's syntax. On false <paramref name="error"/> is Go's text, such as <c>time: invalid duration "x"</c>.
    /// </summary>
    public static bool TryParse(string text, out long nanoseconds, out string error)
    {
        nanoseconds = 0;
        error = "";
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+")) rest = rest[1..];
        if (rest is "0") return true;
        if (rest.IsEmpty) return Fail($"time: invalid duration {GoText.Quote(text)}", out error);
        decimal total = 0;
        while (!rest.IsEmpty)
        {
            var digits = CountNumber(rest);
            if (digits == 0
                || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return Fail($"time: invalid duration {GoText.Quote(text)}", out error);
            rest = rest[digits..];
            var letters = rest.IndexOfAny(NumberCharacters);
            var unit = letters < 0 ? rest : rest[..letters];
            if (unit.IsEmpty) return Fail($"time: missing unit in duration {GoText.Quote(text)}", out error);
            if (UnitNanoseconds(unit) is not { } scale)
                return Fail($"time: unknown unit {GoText.Quote(unit.ToString())} in duration {GoText.Quote(text)}", out error);
            rest = rest[unit.Length..];

            // A number this large is out of range with every unit, and must not overflow the decimal product below.
            if (number > long.MaxValue || (total += number * scale) > long.MaxValue)
                return Fail($"time: invalid duration {GoText.Quote(text)}", out error);
        }

        nanoseconds = negative ? -(long)total : (long)total;
        return true;
    }

    /// <summary>
    /// Parses Prometheus's syntax: whole numbers with y, w, d, h, m, s, ms, each unit at most once and in that order,
    /// or <c>0</c>. Never negative.
    /// </summary>
    public static bool TryParsePrometheus(string text, out long nanoseconds)
    {
        nanoseconds = 0;
        if (text == "0") return true;
        var rest = text.AsSpan();
        var next = 0;
        decimal total = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0 || digits > 18) return false;
            var number = long.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[digits..];
            var letters = rest.IndexOfAnyInRange('0', '9');
            var unit = letters < 0 ? rest : rest[..letters];
            var index = PrometheusUnitIndex(unit);
            if (index < next) return false;
            next = index + 1;
            total += number * (decimal)PrometheusScales[index];
            if (total > long.MaxValue) return false;
            rest = rest[unit.Length..];
        }

        nanoseconds = (long)total;
        return text.Length > 0;
    }

    /// <summary>Go's form of a duration: <c>168h0m0s</c>, <c>1m30s</c>, <c>1.5s</c>, <c>100ms</c>, <c>0s</c>.</summary>
    public static string Format(long nanoseconds)
    {
        if (nanoseconds == 0) return "0s";
        var left = (ulong)Math.Abs((decimal)nanoseconds);
        var text = new StringBuilder(nanoseconds < 0 ? "-" : "");
        if (left < (ulong)Second)
        {
            var (scale, unit) = left >= 1_000_000 ? (1_000_000, "ms") : left >= 1_000 ? (1_000, "µs") : (1, "ns");
            return text.Append(((decimal)left / scale).ToString("0.######", CultureInfo.InvariantCulture)).Append(unit).ToString();
        }

        var hours = left / (ulong)Hour;
        var minutes = left % (ulong)Hour / (ulong)Minute;
        var seconds = (decimal)(left % (ulong)Minute) / Second;
        if (hours > 0) text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        if (hours > 0 || minutes > 0) text.Append(CultureInfo.InvariantCulture, $"{minutes}m");
        return text.Append(seconds.ToString("0.#########", CultureInfo.InvariantCulture)).Append('s').ToString();
    }

    /// <summary>A duration as Go writes it; a time span's tick is 100 ns.</summary>
    public static string Format(TimeSpan duration) => Format(duration.Ticks * 100);

    private static readonly long[] PrometheusScales = [365 * 24 * Hour, 7 * 24 * Hour, 24 * Hour, Hour, Minute, Second, 1_000_000];

    private static int PrometheusUnitIndex(ReadOnlySpan<char> unit) => unit switch
    {
        "y" => 0,
        "w" => 1,
        "d" => 2,
        "h" => 3,
        "m" => 4,
        "s" => 5,
        "ms" => 6,
        _ => -1,
    };

    private static long? UnitNanoseconds(ReadOnlySpan<char> unit) => unit switch
    {
        "ns" => 1,
        "us" or "µs" or "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => Second,
        "m" => Minute,
        "h" => Hour,
        _ => null,
    };

    // Digits with at most one point, at least one digit, and few enough of them for a decimal.
    private static int CountNumber(ReadOnlySpan<char> text)
    {
        const int maxDigits = 28;
        var end = text.IndexOfAnyExcept(NumberCharacters);
        var number = end < 0 ? text : text[..end];
        return number is "." || number.Count('.') > 1 || number.Length > maxDigits ? 0 : number.Length;
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
