using System.Buffers;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>Claims about JSON that was written by us.</summary>
internal static class JsonOracle
{
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>One JSON value in valid UTF-8, as an independent reader sees it; that one throws if it is not.</summary>
    public static void HoldsValid(ReadOnlySpan<byte> json)
    {
        _strict.GetCharCount(json);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = OtlpJsonReader.MaxJsonDepth });
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
    }

    /// <summary>
    /// The text of a value is valid, and the value read from it survives writing and reading again. The text itself need
    /// not: what was not UTF-8 is written as an escape, and the character read from that as itself.
    /// </summary>
    public static void HoldsFixed(ReadOnlySpan<byte> text)
    {
        using var value = new NativeBuffer();
        using var again = new NativeBuffer();
        var secondText = new ArrayBufferWriter<byte>();
        HoldsValid(text);
        Oracle.Holds(AnyValueJson.TryRead(text, value, out var readError), $"text that was written can be read: {readError}");
        Oracle.Holds(AnyValueJson.TryWrite(value.Written, secondText, out var writeError), $"and its value can be written: {writeError}");
        Oracle.Holds(AnyValueJson.TryRead(secondText.WrittenSpan, again, out readError), $"and read again: {readError}");
        Oracle.Holds(value.Written.SequenceEqual(again.Written), "the value stays the same");
    }
}
