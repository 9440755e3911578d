using System.Buffers;
using System.Buffers.Text;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Values;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// An attribute's value as the text of a label: texts as they are, <c>true</c>, <c>42</c>, <c>0.5</c>, arrays as <c>[a, b]</c>.
/// </summary>
internal static class AttributeText
{
    /// <summary>Longest text of a bool, an int or a double.</summary>
    private const int MaxScalarBytes = 32;

    public static void Append(in AnyValueView value, ref byte[] text, ref int length)
    {
        switch (value.Kind)
        {
            case AnyValueKind.String:
                Append(value.Bytes, ref text, ref length);
                break;
            case AnyValueKind.Bool:
                Append(value.Bits != 0 ? "true"u8 : "false"u8, ref text, ref length);
                break;
            case AnyValueKind.Int or AnyValueKind.Double:
                Reserve(MaxScalarBytes, ref text, length);
                length += FormatNumber(value, text.AsSpan(length));
                break;
            case AnyValueKind.Array:
                AppendArray(value, ref text, ref length);
                break;
            case AnyValueKind.KeyValueList or AnyValueKind.Bytes:
                var json = new ArrayBufferWriter<byte>();
                if (AnyValueJson.TryWrite(value.Message, json, out _)) Append(json.WrittenSpan, ref text, ref length);
                break;
        }
    }

    private static int FormatNumber(in AnyValueView value, Span<byte> destination)
    {
        int written;
        if (value.Kind == AnyValueKind.Int) Utf8Formatter.TryFormat(value.Bits, destination, out written);
        else BitConverter.Int64BitsToDouble(value.Bits)
            .TryFormat(destination, out written, "R", System.Globalization.CultureInfo.InvariantCulture);
        return written;
    }

    private static void AppendArray(in AnyValueView value, ref byte[] text, ref int length)
    {
        Append("["u8, ref text, ref length);
        var elements = new ArrayValueReader(value.Bytes);
        for (var i = 0; elements.TryReadNext(out var element); i++)
        {
            if (i > 0) Append(", "u8, ref text, ref length);
            // One level: an array in an array has no text that anybody would group by.
            if (element.Kind != AnyValueKind.Array) Append(element, ref text, ref length);
        }

        Append("]"u8, ref text, ref length);
    }

    private static void Append(ReadOnlySpan<byte> bytes, ref byte[] text, ref int length)
    {
        Reserve(bytes.Length, ref text, length);
        bytes.CopyTo(text.AsSpan(length));
        length += bytes.Length;
    }

    private static void Reserve(int count, ref byte[] text, int length)
    {
        if (length + count > text.Length) Array.Resize(ref text, Math.Max(length + count, text.Length * 2));
    }
}
