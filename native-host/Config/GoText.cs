using System.Globalization;
using System.Text;

namespace Tempo.Host.Config;

/// <summary>Texts as Go's standard library writes them, because Tempo's clients and operators know (and match) them.</summary>
public static class GoText
{
    /// <summary>Longest stretch of a stranger's text that is put into an error message, in characters.</summary>
    public const int MaxEchoLength = 200;

    /// <summary>In double quotes, with quotes, backslashes and control characters escaped; long texts are cut.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, MaxEchoLength)))
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (char.IsControl(c)) quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else quoted.Append(c);
        }

        return quoted.Append(text.Length > MaxEchoLength ? "…\"" : "\"").ToString();
    }

    /// <summary>
    /// <c>strconv.ParseUint(text, 10, bits)</c>. On false <paramref name="error"/> is its text, such as
    /// <c>strconv.ParseUint: parsing "x": invalid syntax</c>.
    /// </summary>
    public static bool TryParseUInt(string text, int bits, out ulong value, out string error)
    {
        error = "";
        value = 0;
        var max = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        if (text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange('0', '9')) error = "invalid syntax";
        else if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) || value > max)
            error = "value out of range";
        if (error.Length > 0) error = $"strconv.ParseUint: parsing {Quote(text)}: {error}";
        return error.Length == 0;
    }

    /// <summary><c>strconv.ParseInt(text, 10, 64)</c>, as above.</summary>
    public static bool TryParseInt(string text, out long value, out string error)
    {
        error = "";
        value = 0;
        var digits = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) error = "invalid syntax";
        else if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)) error = "value out of range";
        if (error.Length > 0) error = $"strconv.ParseInt: parsing {Quote(text)}: {error}";
        return error.Length == 0;
    }

    /// <summary><c>strconv.ParseBool(text)</c>.</summary>
    public static bool TryParseBool(string text, out bool value)
    {
        value = text is "1" or "t" or "T" or "true" or "TRUE" or "True";
        return value || text is "0" or "f" or "F" or "false" or "FALSE" or "False";
    }
}
