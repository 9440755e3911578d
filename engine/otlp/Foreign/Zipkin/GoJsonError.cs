using System.Text;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>Says what is wrong with JSON in the words that Zipkin clients of Tempo know: those of Go's decoder.</summary>
internal static class GoJsonError
{
    /// <param name="json">The whole text.</param>
    /// <param name="offset">Where the reader stopped.</param>
    public static string Describe(ReadOnlySpan<byte> json, int offset)
    {
        while (offset < json.Length && json[offset] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') offset++;
        if (offset >= json.Length) return "unexpected end of JSON input";
        return $"invalid character {Quote(json[offset])} {Where(Before(json, offset))}";
    }

    private static byte Before(ReadOnlySpan<byte> json, int offset)
    {
        for (var i = offset - 1; i >= 0; i--)
            if (json[i] is not ((byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')) return json[i];
        return 0;
    }

    private static string Where(byte before) => before switch
    {
        (byte)'{' => "looking for beginning of object key string",
        0 or (byte)'[' or (byte)':' or (byte)',' => "looking for beginning of value",
        _ => "after value",
    };

    private static string Quote(byte character) => character is >= 0x20 and < 0x7f
        ? $"'{(character == (byte)'\'' ? "\\" : "")}{(char)character}'"
        : $"'\\x{character:x2}'";

    /// <summary>A text in double quotes, cut, with everything but plain ASCII escaped.</summary>
    public static string Quote(ReadOnlySpan<byte> text)
    {
        const int shown = 64;
        var quoted = new StringBuilder("\"");
        foreach (var b in text[..Math.Min(shown, text.Length)])
        {
            if (b is (byte)'"' or (byte)'\\') quoted.Append('\\');
            if (b is >= 0x20 and < 0x7f) quoted.Append((char)b);
            else quoted.Append($"\\x{b:x2}");
        }

        return quoted.Append('"').ToString();
    }
}
