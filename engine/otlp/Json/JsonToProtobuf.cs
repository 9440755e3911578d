using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Reads one JSON object by its <see cref="JsonMessage"/> and writes it as protobuf while it reads. The recursion follows
/// the schema, which repeats in values alone: one level deeper than <see cref="OtlpTraceReader.MaxValueDepth"/> they end and are skipped
/// without recursion, as unknown members are.
/// </summary>
internal ref struct JsonToProtobuf(ReadOnlySpan<byte> json, NativeBuffer output)
{
    /// <summary>Longest name, id or number that is looked at; none that means something to us is longer.</summary>
    private const int MaxShortTextSizeBytes = 64;

    private readonly ProtobufWriter _writer = new(output);
    private Utf8JsonReader _reader = new(json, new JsonReaderOptions { MaxDepth = OtlpJsonReader.MaxJsonDepth });
    private OtlpError _error;
    private int _valueDepth;

    public bool TryTranscode(JsonMessage message, out OtlpError error)
    {
        bool isSound;
        try
        {
            _reader.Read();

            // Read answers false at the end and throws on anything but white space behind the object.
            isSound = ReadMessage(message) && !_reader.Read();
        }
        catch (JsonException)
        {
            // The one way in which Utf8JsonReader reports malformed input; it does not tell which of the two it is.
            var text = $"malformed JSON, or JSON nested deeper than {OtlpJsonReader.MaxJsonDepth} levels,";
            _error = new OtlpError(OtlpErrorKind.InvalidJson, (int)_reader.BytesConsumed, text);
            isSound = false;
        }

        error = _error;
        return isSound;
    }

    private bool ReadMessage(JsonMessage message)
    {
        if (_reader.TokenType != JsonTokenType.StartObject) return Fail("expected an object");
        if (!message.IsOneof) return ReadMembers(message);

        // One level more than is read, and empty: so the reader of the protobuf tells of it as of any value that is too deep.
        _valueDepth++;
        var isSound = true;
        if (_valueDepth > OtlpTraceReader.MaxValueDepth + 1) _reader.Skip();
        else isSound = ReadMembers(message);
        _valueDepth--;
        return isSound;
    }

    private bool ReadMembers(JsonMessage message)
    {
        JsonField? lastField = null;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!TryFind(message, out var field)) return Fail("name with half a surrogate pair");
            _reader.Read();
            if (field is null)
            {
                _reader.Skip();
                continue;
            }

            if (_reader.TokenType == JsonTokenType.Null) continue;

            // The last member of a oneof wins. Protobuf would merge two arrays in a row: another member between clears the first.
            if (message.IsOneof && field == lastField) _writer.WriteBool(AnyValueTag.BoolValue, false);
            lastField = field;
            if (!ReadField(field)) return false;
        }

        return true;
    }

    /// <summary>The field of this name, or null for an unknown one; false if the name is not text.</summary>
    private readonly bool TryFind(JsonMessage message, out JsonField? field)
    {
        field = null;
        if (_reader.ValueSpan.Length > MaxShortTextSizeBytes) return true;
        Span<byte> name = stackalloc byte[MaxShortTextSizeBytes];
        if (!TryCopyText(name, out var length)) return false;
        name = name[..length];
        foreach (var candidate in message.Fields)
        {
            if (!name.SequenceEqual(candidate.NameUtf8)) continue;
            field = candidate;
            break;
        }

        return true;
    }

    private bool ReadField(JsonField field) => field.Kind switch
    {
        JsonFieldKind.Message => ReadInner(field),
        JsonFieldKind.RepeatedMessage => ReadList(field),
        JsonFieldKind.String => ReadText(field, isBase64: false),
        JsonFieldKind.Bytes => ReadText(field, isBase64: true),
        JsonFieldKind.TraceId => ReadId(field, TraceId.SizeBytes),
        JsonFieldKind.SpanId => ReadId(field, SpanId.SizeBytes),
        JsonFieldKind.Bool => ReadBool(field),
        JsonFieldKind.Enum => ReadEnum(field),
        JsonFieldKind.Double => ReadDouble(field),
        JsonFieldKind.Int64 => ReadInt64(field),
        _ => ReadUnsigned(field),
    };

    private bool ReadInner(JsonField field)
    {
        var start = _writer.BeginMessage(field.Tag);
        if (!ReadMessage(field.Message)) return false;
        _writer.EndMessage(start);
        return true;
    }

    private bool ReadList(JsonField field)
    {
        if (_reader.TokenType != JsonTokenType.StartArray) return Fail(field, "expected an array");
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
            if (!ReadInner(field)) return false;
        return true;
    }

    /// <summary>Text is unescaped, and base64 decoded, where it is going to lie.</summary>
    private bool ReadText(JsonField field, bool isBase64)
    {
        if (_reader.TokenType != JsonTokenType.String) return Fail(field, "expected a string");
        var start = _writer.BeginMessage(field.Tag);
        var content = output.GetSpan(_reader.ValueSpan.Length);
        if (!TryCopyText(content, out var size)) return Fail(field, "text with half a surrogate pair");
        if (isBase64 && Base64.DecodeFromUtf8InPlace(content[..size], out size) != OperationStatus.Done)
            return Fail(field, "expected base64");
        output.Advance(size);
        _writer.EndMessage(start);
        return true;
    }

    /// <summary>
    /// An empty id is an absent one, as in protobuf: whether the span may lack it is for admission to judge, span by span.
    /// </summary>
    private bool ReadId(JsonField field, int sizeBytes)
    {
        Span<byte> text = stackalloc byte[MaxShortTextSizeBytes];
        Span<byte> id = stackalloc byte[sizeBytes];
        if (_reader.TokenType != JsonTokenType.String
            || !TryCopyShortText(text, out var length)
            || !IsHex(text[..length], id))
            return Fail(field, $"expected {sizeBytes * 2} hex digits");
        if (length > 0) _writer.WriteBytes(field.Tag, id);
        return true;
    }

    private static bool IsHex(ReadOnlySpan<byte> text, Span<byte> id)
    {
        if (text.IsEmpty) return true;
        if (text.Length != id.Length * 2) return false;
        Span<char> digits = stackalloc char[MaxShortTextSizeBytes];
        for (var index = 0; index < text.Length; index++) digits[index] = (char)text[index];
        return Convert.FromHexString(digits[..text.Length], id, out _, out _) == OperationStatus.Done;
    }

    private bool ReadBool(JsonField field)
    {
        if (_reader.TokenType is not (JsonTokenType.True or JsonTokenType.False)) return Fail(field, "expected true or false");
        _writer.WriteBool(field.Tag, _reader.TokenType == JsonTokenType.True);
        return true;
    }

    private bool ReadEnum(JsonField field)
    {
        if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt32(out var value))
            return Fail(field, "expected the integer of an enum value, not its name");
        _writer.WriteInt32(field.Tag, value);
        return true;
    }

    private bool ReadInt64(JsonField field)
    {
        Span<byte> text = stackalloc byte[MaxShortTextSizeBytes];
        if (!TryCopyNumber(text, out var length)
            || !Utf8Parser.TryParse(text[..length], out long value, out var consumed) || consumed != length)
            return Fail(field, "expected a 64-bit integer");
        _writer.WriteVarint(field.Tag, (ulong)value);
        return true;
    }

    private bool ReadUnsigned(JsonField field)
    {
        var isWide = field.Kind == JsonFieldKind.Fixed64;
        Span<byte> text = stackalloc byte[MaxShortTextSizeBytes];
        if (!TryCopyNumber(text, out var length)
            || !Utf8Parser.TryParse(text[..length], out ulong value, out var consumed) || consumed != length
            || (!isWide && value > uint.MaxValue))
            return Fail(field, isWide ? "expected an unsigned 64-bit integer" : "expected an unsigned 32-bit integer");

        if (isWide) _writer.WriteFixed64(field.Tag, value);
        else if (field.Kind == JsonFieldKind.Fixed32) _writer.WriteFixed32(field.Tag, (uint)value);
        else _writer.WriteVarint(field.Tag, value);
        return true;
    }

    private bool ReadDouble(JsonField field)
    {
        double value;
        if (_reader.TokenType == JsonTokenType.Number)
        {
            if (!_reader.TryGetDouble(out value) || !double.IsFinite(value)) return Fail(field, "number beyond the range of a double");
        }
        else
        {
            Span<byte> text = stackalloc byte[MaxShortTextSizeBytes];
            if (_reader.TokenType != JsonTokenType.String
                || !TryCopyShortText(text, out var length)
                || !TryParseDouble(text[..length], out value))
                return Fail(field, "expected a number, or NaN, Infinity or -Infinity as a string");
        }

        _writer.WriteDouble(field.Tag, value);
        return true;
    }

    private static bool TryParseDouble(ReadOnlySpan<byte> text, out double value)
    {
        if (text.SequenceEqual("NaN"u8)) value = double.NaN;
        else if (text.SequenceEqual("Infinity"u8)) value = double.PositiveInfinity;
        else if (text.SequenceEqual("-Infinity"u8)) value = double.NegativeInfinity;
        else return Utf8Parser.TryParse(text, out value, out var consumed) && consumed == text.Length && double.IsFinite(value);
        return true;
    }

    private readonly bool TryCopyNumber(Span<byte> text, out int length)
    {
        if (_reader.TokenType is JsonTokenType.String) return TryCopyShortText(text, out length) && length > 0;
        length = _reader.ValueSpan.Length;
        return _reader.TokenType == JsonTokenType.Number && _reader.ValueSpan.TryCopyTo(text);
    }

    private readonly bool TryCopyShortText(Span<byte> text, out int length)
    {
        length = 0;
        return _reader.ValueSpan.Length <= text.Length && TryCopyText(text, out length);
    }

    /// <summary>The string, unescaped. <paramref name="destination"/> has room for it as it stands, which is never less.</summary>
    private readonly bool TryCopyText(Span<byte> destination, out int size)
    {
        size = _reader.ValueSpan.Length;
        if (!_reader.ValueIsEscaped)
        {
            _reader.ValueSpan.CopyTo(destination);
            return true;
        }

        try
        {
            size = _reader.CopyString(destination);
            return true;
        }
        catch (InvalidOperationException)
        {
            // An escape names half a surrogate pair, or the text around the escapes is not UTF-8.
            return false;
        }
    }

    private bool Fail(JsonField field, string expectation) => Fail($"{field.Name}: {expectation}");

    private bool Fail(string text)
    {
        _error = new OtlpError(OtlpErrorKind.InvalidJsonValue, (int)_reader.TokenStartIndex, text);
        return false;
    }
}
