namespace Tempo.Fuzz.Targets;

/// <summary>Names, values and oddities of OTLP/JSON.</summary>
internal static class JsonDictionary
{
    public static readonly IReadOnlyList<byte[]> Tokens = Array.ConvertAll(
        [
            "\"resourceSpans\":", "\"scopeSpans\":", "\"spans\":", "\"attributes\":", "\"value\":", "\"values\":", "\"key\":",
            "\"events\":", "\"links\":",
            "\"stringValue\":", "\"boolValue\":", "\"intValue\":", "\"doubleValue\":", "\"arrayValue\":", "\"kvlistValue\":",
            "\"bytesValue\":",
            "\"traceId\":", "\"kind\":", "\"status\":", "{\"arrayValue\":{\"values\":[", "]}}", "[{}]", "{}", "[", "]", "{", "}", ",",
            "null", "true",
            "\"\"", "\"AAAA\"", "\"\\u0000\"", "\"\\ud83d\\ude80\"", "\\ud83d", "\\/", "1e400", "-1", "18446744073709551616", "\"NaN\"",
            "\uFEFF", "/**/", "\n",
        ],
        System.Text.Encoding.UTF8.GetBytes);
}
