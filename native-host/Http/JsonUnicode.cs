using System.Globalization;
using System.Text.Unicode;

namespace Tempo.Host.Http;

/// <summary>
/// Is all text of a JSON document Unicode? The framework's document does not look, and throws where a text is first read: names,
/// values and ids alike. So documents of strangers are looked through here before they are parsed.
/// </summary>
internal static class JsonUnicode
{
    public const string Error = "text that is not Unicode: invalid UTF-8, or half of a surrogate pair";

    /// <summary>True if the bytes are UTF-8 and their \u escapes come to whole characters; of what is no JSON it says nothing.</summary>
    public static bool IsSound(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return false;
        var isHighOpen = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] != '\\')
            {
                if (isHighOpen) return false;
                var next = json[i..].IndexOf((byte)'\\');
                if (next < 0) return true;
                i += next - 1;
                continue;
            }

            if (i + 5 < json.Length && json[i + 1] == 'u'
                && ushort.TryParse(json.Slice(i + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            {
                if (char.IsLowSurrogate((char)unit) != isHighOpen) return false;
                isHighOpen = char.IsHighSurrogate((char)unit);
                i += 5;
            }
            else
            {
                if (isHighOpen) return false;
                i++;
            }
        }

        return !isHighOpen;
    }
}
