using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Most of a trace: a <c>KeyValue</c> as nearly everybody writes it, with a short text or an integer.
/// <code>
/// 0A key length, key · 12 value length · 0A text length, text | 18 integer        (lengths below 128, or below 16,384 in two bytes)
/// </code>
/// It is written in one go, with neither note of where its fields stand nor a step down for its value.
/// </summary>
internal static class UsualAttribute
{
    /// <summary>False, with nothing written, for every other layout and for text that has to be escaped.</summary>
    public static bool TryWrite(ref ProtoJsonWriter json, ReadOnlySpan<byte> keyValue)
    {
        if (!TryTake(ref keyValue, KeyValueTag.Key, out var key) || !TryTake(ref keyValue, KeyValueTag.Value, out var value)) return false;
        if (!keyValue.IsEmpty || key.IsEmpty || value.IsEmpty) return false;
        switch (value[0])
        {
            case (byte)AnyValueTag.StringValue:
                return TryTake(ref value, AnyValueTag.StringValue, out var text) && value.IsEmpty && json.TryWriteAttribute(key, text);
            case (byte)AnyValueTag.IntValue:
                var reader = new ProtobufReader(value[1..]);
                return reader.TryReadVarint(out var bits) && reader.Position == value.Length - 1 && json.TryWriteAttribute(key, (long)bits);
            default:
                return false;
        }
    }

    private static bool TryTake(ref ReadOnlySpan<byte> message, uint tag, out ReadOnlySpan<byte> content)
    {
        content = default;
        if (message.Length < 2 || message[0] != tag) return false;
        int size = message[1], begin = 2;
        if (size >= 0x80)
        {
            if (message.Length < 3 || message[2] >= 0x80) return false;
            size = size & 0x7F | message[2] << 7;
            begin = 3;
        }

        if (size > message.Length - begin) return false;
        content = message.Slice(begin, size);
        message = message[(begin + size)..];
        return true;
    }
}
