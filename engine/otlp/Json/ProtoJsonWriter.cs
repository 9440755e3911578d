using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Writes compact JSON by the rules of Go's proto-JSON writer, byte for byte what Grafana and scripts know from Tempo:
/// 64-bit integers as strings, bytes as padded base64, <c>&lt; &gt; &amp;</c> and U+2028, U+2029 escaped, floating point in
/// Go's layout. Commas are the writer's business. Omitting zero values is the caller's.
/// </summary>
public ref struct ProtoJsonWriter(IBufferWriter<byte> output)
{
    private const int MaxIntegerSizeBytes = 24;
    private const int MaxEscapeSizeBytes = 6;

    /// <summary>Base64 is written in pieces of this size, so that no span is asked for in proportion to a value.</summary>
    private const int Base64PieceSizeBytes = 1024;

    // Multi-byte characters are looked at because they may be malformed, or one of the two line separators.
    private static readonly SearchValues<byte> _plain = SearchValues.Create(PlainBytes());

    private bool _needsComma;

    /// <summary>What is written next goes on with a list or an object of which something stands already.</summary>
    public void Continue() => _needsComma = true;

    public void BeginObject() => Open((byte)'{');

    public void EndObject() => Close((byte)'}');

    public void BeginArray() => Open((byte)'[');

    public void EndArray() => Close((byte)']');

    /// <summary>The name of a member; <paramref name="name"/> needs no escaping.</summary>
    public void WriteName(ReadOnlySpan<byte> name)
    {
        Separate();
        var span = output.GetSpan(name.Length + 3);
        span[0] = (byte)'"';
        name.CopyTo(span[1..]);
        span[name.Length + 1] = (byte)'"';
        span[name.Length + 2] = (byte)':';
        output.Advance(name.Length + 3);
        _needsComma = false;
    }

    /// <summary>UTF-8 text; each malformed sequence becomes U+FFFD, so that the output is valid whatever comes in.</summary>
    public void WriteString(ReadOnlySpan<byte> text)
    {
        Separate();
        WriteByte((byte)'"');
        while (!text.IsEmpty)
        {
            var plainLength = text.IndexOfAnyExcept(_plain);
            if (plainLength < 0) plainLength = text.Length;
            output.Write(text[..plainLength]);
            text = text[plainLength..];
            if (!text.IsEmpty) text = text[WriteSpecial(text)..];
        }

        WriteByte((byte)'"');
        _needsComma = true;
    }

    /// <summary>An int64 as a string of digits.</summary>
    public void WriteInt64(long value)
    {
        Separate();
        var span = output.GetSpan(MaxIntegerSizeBytes);
        span[0] = (byte)'"';
        Utf8Formatter.TryFormat(value, span[1..], out var size);
        CloseNumber(span, size);
    }

    /// <summary>A uint64 or fixed64 as a string of digits.</summary>
    public void WriteUInt64(ulong value)
    {
        Separate();
        var span = output.GetSpan(MaxIntegerSizeBytes);
        span[0] = (byte)'"';
        Utf8Formatter.TryFormat(value, span[1..], out var size);
        CloseNumber(span, size);
    }

    /// <summary>An int32, uint32 or fixed32 as a bare number.</summary>
    public void WriteNumber(long value)
    {
        Separate();
        Utf8Formatter.TryFormat(value, output.GetSpan(MaxIntegerSizeBytes), out var size);
        output.Advance(size);
        _needsComma = true;
    }

    public void WriteBool(bool value)
    {
        Separate();
        output.Write(value ? "true"u8 : "false"u8);
        _needsComma = true;
    }

    /// <summary>A number; NaN and the infinities as strings, since JSON has no numbers for them.</summary>
    public void WriteDouble(double value)
    {
        Separate();
        output.Advance(GoFloat.Format(value, output.GetSpan(GoFloat.MaxSizeBytes)));
        _needsComma = true;
    }

    /// <summary>Standard base64 with padding.</summary>
    public void WriteBase64(ReadOnlySpan<byte> bytes)
    {
        // Three bytes make four characters, so only the last piece is padded.
        const int PieceLength = Base64PieceSizeBytes / 4 * 3;
        Separate();
        WriteByte((byte)'"');
        while (!bytes.IsEmpty)
        {
            var piece = bytes[..Math.Min(bytes.Length, PieceLength)];
            Base64.EncodeToUtf8(piece, output.GetSpan(Base64PieceSizeBytes), out _, out var size);
            output.Advance(size);
            bytes = bytes[piece.Length..];
        }

        WriteByte((byte)'"');
        _needsComma = true;
    }

    private static byte[] PlainBytes()
    {
        var plain = new List<byte>(128);
        for (var value = 0x20; value < 0x80; value++)
            if (!"\"\\<>&"u8.Contains((byte)value)) plain.Add((byte)value);
        return [.. plain];
    }

    private void Open(byte bracket)
    {
        Separate();
        WriteByte(bracket);
        _needsComma = false;
    }

    private void Close(byte bracket)
    {
        WriteByte(bracket);
        _needsComma = true;
    }

    private void Separate()
    {
        if (_needsComma) WriteByte((byte)',');
    }

    private readonly void WriteByte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private void CloseNumber(Span<byte> span, int size)
    {
        span[size + 1] = (byte)'"';
        output.Advance(size + 2);
        _needsComma = true;
    }

    /// <summary>Writes one character that is not plain ASCII and returns how many bytes of the text it took.</summary>
    private readonly int WriteSpecial(ReadOnlySpan<byte> text)
    {
        if (text[0] >= 0x80) return WriteMultiByte(text);
        switch (text[0])
        {
            case (byte)'"': output.Write("\\\""u8); break;
            case (byte)'\\': output.Write("\\\\"u8); break;
            case (byte)'\b': output.Write("\\b"u8); break;
            case (byte)'\f': output.Write("\\f"u8); break;
            case (byte)'\n': output.Write("\\n"u8); break;
            case (byte)'\r': output.Write("\\r"u8); break;
            case (byte)'\t': output.Write("\\t"u8); break;
            default: WriteUnicodeEscape(text[0]); break;
        }

        return 1;
    }

    private readonly int WriteMultiByte(ReadOnlySpan<byte> text)
    {
        var status = Rune.DecodeFromUtf8(text, out var rune, out var size);
        if (status != OperationStatus.Done) WriteUnicodeEscape(Rune.ReplacementChar.Value);
        else if (rune.Value is 0x2028 or 0x2029) WriteUnicodeEscape(rune.Value);
        else output.Write(text[..size]);
        return size;
    }

    private readonly void WriteUnicodeEscape(int codeUnit)
    {
        var span = output.GetSpan(MaxEscapeSizeBytes);
        "\\u"u8.CopyTo(span);
        Utf8Formatter.TryFormat(codeUnit, span[2..], out _, new StandardFormat('x', 4));
        output.Advance(MaxEscapeSizeBytes);
    }
}
