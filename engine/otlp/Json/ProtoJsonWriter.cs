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

    /// <summary>What stands around the key and the value of an attribute, at most.</summary>
    private const int AttributeFrameBytes = 48;

    /// <summary>Base64 is written in pieces of this size, so that no span is asked for in proportion to a value.</summary>
    private const int Base64PieceSizeBytes = 1024;

    /// <summary>Text up to this size is looked at and copied in one go.</summary>
    private const int ShortTextBytes = 4096;

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
        var span = output.GetSpan(name.Length + 4);
        var at = Separate(span);
        span[at++] = (byte)'"';
        name.CopyTo(span[at..]);
        at += name.Length;
        span[at + 1] = (byte)':';
        span[at] = (byte)'"';
        output.Advance(at + 2);
        _needsComma = false;
    }

    /// <summary>
    /// Room for a value that the caller writes himself, at most so many bytes; <paramref name="begun"/> of them are written. Nothing is
    /// there before <see cref="EndRaw"/>.
    /// </summary>
    public readonly Span<byte> BeginRaw(long mostBytes, out int begun)
    {
        var span = output.GetSpan(checked((int)mostBytes + 1));
        begun = Separate(span);
        return span;
    }

    /// <summary>The value is there, in so many bytes with those that <see cref="BeginRaw"/> began with.</summary>
    public void EndRaw(int bytes)
    {
        output.Advance(bytes);
        _needsComma = true;
    }

    /// <summary>UTF-8 text; each malformed sequence becomes U+FFFD, so that the output is valid whatever comes in.</summary>
    public void WriteString(ReadOnlySpan<byte> text)
    {
        if (text.Length <= ShortTextBytes)
        {
            var span = output.GetSpan(text.Length + 3);
            var at = Separate(span);
            span[at++] = (byte)'"';
            if (PlainText.TryCopy(text, span[at..]))
            {
                at += text.Length;
                span[at] = (byte)'"';
                output.Advance(at + 1);
                _needsComma = true;
                return;
            }
        }

        WriteEscaped(text);
    }

    /// <summary>
    /// An attribute of OTLP, a <c>KeyValue</c> with a text: <c>{"key":"k","value":{"stringValue":"v"}}</c>. False, with nothing written, if
    /// it has to be escaped or is long.
    /// </summary>
    internal bool TryWriteAttribute(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> text)
    {
        if (key.Length > ShortTextBytes || text.Length > ShortTextBytes) return false;
        var span = output.GetSpan(key.Length + text.Length + AttributeFrameBytes);
        if (!TryBeginAttribute(span, key, ",\"value\":{\"stringValue\":\""u8, out var at) || !PlainText.TryCopy(text, span[at..]))
            return false;
        at += text.Length;
        "\"}}"u8.CopyTo(span[at..]);
        output.Advance(at + 3);
        _needsComma = true;
        return true;
    }

    /// <summary>The same with an integer.</summary>
    internal bool TryWriteAttribute(scoped ReadOnlySpan<byte> key, long value)
    {
        if (key.Length > ShortTextBytes) return false;
        var span = output.GetSpan(key.Length + AttributeFrameBytes + MaxIntegerSizeBytes);
        if (!TryBeginAttribute(span, key, ",\"value\":{\"intValue\":\""u8, out var at)) return false;
        Utf8Formatter.TryFormat(value, span[at..], out var size);
        at += size;
        "\"}}"u8.CopyTo(span[at..]);
        output.Advance(at + 3);
        _needsComma = true;
        return true;
    }

    /// <summary>An int64 as a string of digits.</summary>
    public void WriteInt64(long value)
    {
        var span = output.GetSpan(MaxIntegerSizeBytes);
        var at = Separate(span);
        span[at++] = (byte)'"';
        Utf8Formatter.TryFormat(value, span[at..], out var size);
        CloseNumber(span, at + size);
    }

    /// <summary>A uint64 or fixed64 as a string of digits.</summary>
    public void WriteUInt64(ulong value)
    {
        var span = output.GetSpan(MaxIntegerSizeBytes);
        var at = Separate(span);
        span[at++] = (byte)'"';
        Utf8Formatter.TryFormat(value, span[at..], out var size);
        CloseNumber(span, at + size);
    }

    /// <summary>An int32, uint32 or fixed32 as a bare number.</summary>
    public void WriteNumber(long value)
    {
        var span = output.GetSpan(MaxIntegerSizeBytes);
        var at = Separate(span);
        Utf8Formatter.TryFormat(value, span[at..], out var size);
        output.Advance(at + size);
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
        var span = output.GetSpan(Base64PieceSizeBytes + 3);
        var at = Separate(span);
        span[at++] = (byte)'"';
        for (; bytes.Length > PieceLength; bytes = bytes[PieceLength..])
        {
            at += Encode(bytes[..PieceLength], span[at..]);
            output.Advance(at);
            span = output.GetSpan(Base64PieceSizeBytes + 1);
            at = 0;
        }

        at += Encode(bytes, span[at..]);
        span[at] = (byte)'"';
        output.Advance(at + 1);
        _needsComma = true;
    }

    private static int Encode(ReadOnlySpan<byte> bytes, Span<byte> span)
    {
        Base64.EncodeToUtf8(bytes, span, out _, out var size);
        return size;
    }

    private readonly bool TryBeginAttribute(Span<byte> span, ReadOnlySpan<byte> key, ReadOnlySpan<byte> valueHead, out int at)
    {
        at = Separate(span);
        "{\"key\":\""u8.CopyTo(span[at..]);
        at += 8;
        if (!PlainText.TryCopy(key, span[at..])) return false;
        at += key.Length;
        span[at++] = (byte)'"';
        valueHead.CopyTo(span[at..]);
        at += valueHead.Length;
        return true;
    }

    private void WriteEscaped(ReadOnlySpan<byte> text)
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

    private static byte[] PlainBytes()
    {
        var plain = new List<byte>(128);
        for (var value = 0x20; value < 0x80; value++)
            if (!"\"\\<>&"u8.Contains((byte)value)) plain.Add((byte)value);
        return [.. plain];
    }

    private void Open(byte bracket)
    {
        var span = output.GetSpan(2);
        var at = Separate(span);
        span[at] = bracket;
        output.Advance(at + 1);
        _needsComma = false;
    }

    private void Close(byte bracket)
    {
        WriteByte(bracket);
        _needsComma = true;
    }

    private readonly void Separate()
    {
        if (_needsComma) WriteByte((byte)',');
    }

    // The comma, if one is needed, at the beginning of the span; where to go on.
    private readonly int Separate(Span<byte> span)
    {
        if (!_needsComma) return 0;
        span[0] = (byte)',';
        return 1;
    }

    private readonly void WriteByte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private void CloseNumber(Span<byte> span, int size)
    {
        span[size] = (byte)'"';
        output.Advance(size + 1);
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
