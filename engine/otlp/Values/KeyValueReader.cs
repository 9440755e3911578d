using System.Runtime.CompilerServices;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Values;

/// <summary>Reads one KeyValue message.</summary>
internal static class KeyValueReader
{
    /// <summary>
    /// Reads the shape that nearly every attribute has, with lengths below 128, and declines all else, sound or not:
    /// <code>
    /// 0A nn key   12 nn value        value:  0A nn text   or   18 varint
    /// </code>
    /// Nothing is decided here that <see cref="TryRead"/> would decide otherwise. Twice the speed of the whole walk.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadCommonShape(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> key, out AnyValueView value)
    {
        if (message.Length >= 4 && message[0] == KeyValueTag.Key)
        {
            var valueTagIndex = 2 + message[1];
            var valueIndex = valueTagIndex + 2;
            if (message[1] < 0x80 && valueIndex + 2 <= message.Length
                && message[valueTagIndex] == KeyValueTag.Value
                && message[valueTagIndex + 1] == message.Length - valueIndex
                && message.Length - valueIndex < 0x80)
            {
                key = message.Slice(2, valueTagIndex - 2);
                var valueMessage = message[valueIndex..];
                if (valueMessage[0] == AnyValueTag.StringValue && valueMessage[1] == valueMessage.Length - 2)
                {
                    value = new AnyValueView(AnyValueKind.String, 0, valueMessage[2..], valueMessage);
                    return true;
                }

                if (valueMessage[0] == AnyValueTag.IntValue && Varint.Decode(valueMessage[1..], out var integer) == valueMessage.Length - 1)
                {
                    value = new AnyValueView(AnyValueKind.Int, (long)integer, default, valueMessage);
                    return true;
                }
            }
        }

        key = default;
        value = default;
        return false;
    }

    /// <summary>
    /// Key and value of one attribute, the value checked to its leaves. <paramref name="error"/> is set if, and only if,
    /// the answer is false.
    /// </summary>
    public static bool TryRead(
        ReadOnlySpan<byte> message, int origin, out ReadOnlySpan<byte> key, out AnyValueView value, scoped ref OtlpError error)
    {
        key = default;
        value = default;
        var valueCount = 0;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case KeyValueTag.Key:
                    read = reader.TryReadBytes(out key);
                    break;
                case KeyValueTag.Value:
                    read = reader.TryReadBytes(out var valueMessage);
                    if (!read) break;
                    if (!AnyValueReader.TryRead(valueMessage, reader.Offset - valueMessage.Length, 1, out value, ref error)) return false;
                    valueCount++;
                    break;
                default:
                    read = KeyValueTag.Knows(tag) ? reader.FailWireType(tag) : reader.TrySkip(tag);
                    break;
            }

            if (!read) break;
        }

        if (reader.HasFailed)
        {
            error = reader.Error;
            return false;
        }

        if (valueCount <= 1) return true;
        var joined = RepeatedMessage.Join(message, KeyValueTag.Value);
        return AnyValueReader.TryRead(joined, origin, 1, out value, ref error);
    }
}
