using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Values;

/// <summary>
/// Reads AnyValue messages. The value of an attribute is checked down to its leaves once, when it comes in; only its
/// first level is decoded. What is nested deeper than <see cref="OtlpTraceReader.MaxValueDepth"/> is not looked at and
/// makes the whole attribute <see cref="AnyValueKind.TooDeep"/>.
/// </summary>
public static class AnyValueReader
{
    /// <summary>
    /// Decodes the first level of one AnyValue message and checks the rest. <paramref name="origin"/> is where the message
    /// starts in the request and is added to the offset of an error.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> message, int origin, out AnyValueView value, out OtlpError error)
    {
        error = default;
        return TryRead(message, origin, depth: 1, out value, ref error);
    }

    /// <param name="message">The AnyValue message.</param>
    /// <param name="origin">Where it starts in the request.</param>
    /// <param name="depth">1 for the value of an attribute, 2 for what lies in its array or list, and so on.</param>
    /// <param name="value">The value read.</param>
    /// <param name="error">Set if, and only if, the answer is false.</param>
    internal static bool TryRead(ReadOnlySpan<byte> message, int origin, int depth, out AnyValueView value, scoped ref OtlpError error)
    {
        var reader = new ProtobufReader(message, origin);
        var kind = AnyValueKind.Null;
        var bits = 0L;
        ReadOnlySpan<byte> bytes = default;
        var tooDeep = false;
        var repeatedTag = 0u;
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            var previousKind = kind;
            switch (tag)
            {
                case AnyValueTag.StringValue:
                    read = reader.TryReadBytes(out bytes);
                    kind = AnyValueKind.String;
                    break;
                case AnyValueTag.IntValue:
                    read = reader.TryReadVarint(out var integer);
                    bits = (long)integer;
                    kind = AnyValueKind.Int;
                    break;
                case AnyValueTag.BoolValue:
                    read = reader.TryReadVarint(out var boolean);
                    bits = boolean != 0 ? 1 : 0;
                    kind = AnyValueKind.Bool;
                    break;
                case AnyValueTag.DoubleValue:
                    read = reader.TryReadFixed64(out var real);
                    bits = (long)real;
                    kind = AnyValueKind.Double;
                    break;
                case AnyValueTag.BytesValue:
                    read = reader.TryReadBytes(out bytes);
                    kind = AnyValueKind.Bytes;
                    break;
                case AnyValueTag.ArrayValue:
                case AnyValueTag.KeyValueListValue:
                    kind = tag == AnyValueTag.ArrayValue ? AnyValueKind.Array : AnyValueKind.KeyValueList;
                    if (kind == previousKind) repeatedTag = tag;
                    else tooDeep = false;
                    read = reader.TryReadBytes(out bytes);
                    if (read && !CheckMembers(bytes, reader.Offset - bytes.Length, kind, depth + 1, ref tooDeep, ref error))
                    {
                        value = default;
                        return false;
                    }

                    break;
                default:
                    read = AnyValueTag.Knows(tag) ? reader.FailWireType(tag) : reader.TrySkip(tag);
                    break;
            }

            if (!read) break;
        }

        if (reader.HasFailed)
        {
            error = reader.Error;
            value = default;
            return false;
        }

        // Of an inner value only the soundness is asked for: joining at each level would cost memory times the depth.
        if (repeatedTag != 0 && depth == 1) bytes = JoinLastRun(message, kind, bytes);
        value = tooDeep && IsContainer(kind)
            ? new AnyValueView(AnyValueKind.TooDeep, 0, default, message)
            : new AnyValueView(kind, bits, bytes, message);
        return true;
    }

    private static bool IsContainer(AnyValueKind kind) => kind is AnyValueKind.Array or AnyValueKind.KeyValueList;

    /// <summary>
    /// A message member of a oneof that is sent again is merged with the one before, unless another member came between
    /// and cleared it. The message has been checked.
    /// </summary>
    private static ReadOnlySpan<byte> JoinLastRun(ReadOnlySpan<byte> message, AnyValueKind kind, ReadOnlySpan<byte> bytes)
    {
        if (!IsContainer(kind)) return bytes;
        var tag = kind == AnyValueKind.Array ? AnyValueTag.ArrayValue : AnyValueTag.KeyValueListValue;
        var runStart = 0;
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var current) && reader.TrySkip(current))
            if (current != tag && AnyValueTag.Knows(current)) runStart = reader.Position;
        return RepeatedMessage.Join(message[runStart..], tag);
    }

    /// <summary>Checks the values in an ArrayValue or KeyValueList message; <paramref name="depth"/> is theirs.</summary>
    private static bool CheckMembers(
        ReadOnlySpan<byte> message, int origin, AnyValueKind kind, int depth, ref bool tooDeep, scoped ref OtlpError error)
    {
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != ArrayValueTag.Values)
            {
                if (ArrayValueTag.Knows(tag) ? reader.FailWireType(tag) : reader.TrySkip(tag)) continue;
                break;
            }

            if (!reader.TryReadBytes(out var member)) break;
            if (depth > OtlpTraceReader.MaxValueDepth)
            {
                tooDeep = true;
                continue;
            }

            var memberOrigin = reader.Offset - member.Length;
            var isSound = kind == AnyValueKind.Array
                ? CheckValue(member, memberOrigin, depth, ref tooDeep, ref error)
                : CheckKeyValue(member, memberOrigin, depth, ref tooDeep, ref error);
            if (!isSound) return false;
        }

        if (reader.HasFailed) error = reader.Error;
        return !reader.HasFailed;
    }

    private static bool CheckKeyValue(ReadOnlySpan<byte> message, int origin, int depth, ref bool tooDeep, scoped ref OtlpError error)
    {
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == KeyValueTag.Value)
            {
                if (!reader.TryReadBytes(out var value)) break;
                if (!CheckValue(value, reader.Offset - value.Length, depth, ref tooDeep, ref error)) return false;
            }
            else if (tag != KeyValueTag.Key && KeyValueTag.Knows(tag) ? !reader.FailWireType(tag) : !reader.TrySkip(tag))
            {
                break;
            }
        }

        if (reader.HasFailed) error = reader.Error;
        return !reader.HasFailed;
    }

    private static bool CheckValue(ReadOnlySpan<byte> message, int origin, int depth, ref bool tooDeep, scoped ref OtlpError error)
    {
        if (!TryRead(message, origin, depth, out var value, ref error)) return false;
        tooDeep |= value.Kind == AnyValueKind.TooDeep;
        return true;
    }
}
