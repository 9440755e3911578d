using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.Otlp.Wire;

/// <summary>
/// Walks the fields of one protobuf message in memory. Copies nothing, allocates nothing, throws nothing.
/// <code>
/// while (reader.TryReadTag(out var tag))
/// {
///     if (!(tag switch { KnownTag => reader.TryReadBytes(out name), _ => reader.TrySkip(tag) })) break;
/// }
///
/// if (reader.HasFailed) error = reader.Error;
/// </code>
/// <para>
/// Every read answers false if the message does not hold what is asked for; the reader then stays failed.
/// <see cref="TryReadTag"/> answers false at the end of the message too.
/// </para>
/// The hot methods are inlined and call only static methods, so that the reader can live in registers: an instance
/// method that is not inlined would take its address and put the position into memory for the whole loop.
/// </summary>
public ref struct ProtobufReader
{
    /// <summary>Deepest nesting of unknown groups that is skipped: protobuf's own recursion limit.</summary>
    public const int MaxGroupDepth = 100;

    private readonly ReadOnlySpan<byte> _message;
    private readonly int _origin;
    private int _position;
    private OtlpErrorKind _errorKind;
    private ulong _errorFound;

    /// <param name="message">The fields, without the message's own tag and length.</param>
    /// <param name="origin">Where the message starts in the request: added to every reported offset.</param>
    public ProtobufReader(ReadOnlySpan<byte> message, int origin = 0)
    {
        _message = message;
        _origin = origin;
    }

    /// <summary>Bytes of the message read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Where the next byte to read lies in the request.</summary>
    public readonly int Offset => _origin + _position;

    public readonly bool HasFailed => _errorKind != OtlpErrorKind.None;

    /// <summary>What failed, and where the item that failed starts.</summary>
    public readonly OtlpError Error => new(_errorKind, Offset, _errorFound, _message.Length - _position);

    /// <summary>
    /// The next tag; false at the end of the message or if the tag is malformed. Number and wire type are judged by
    /// <see cref="TrySkip"/>, where every tag arrives that the caller does not know.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadTag(out uint tag)
    {
        var start = _position;
        if ((uint)start >= (uint)_message.Length)
        {
            tag = 0;
            return false;
        }

        uint first = _message[start];
        if (first < 0x80)
        {
            tag = first;
            _position = start + 1;
            return true;
        }

        if (!TryReadVarint(out var wide))
        {
            tag = 0;
            return false;
        }

        tag = (uint)wide;
        return wide <= uint.MaxValue || Fail(OtlpErrorKind.IllegalFieldNumber, start, wide);
    }

    /// <summary>A varint; lengths, tags and small numbers take one or two bytes and end in the first two branches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadVarint(out ulong value)
    {
        var message = _message;
        var start = _position;
        if ((uint)start < (uint)message.Length)
        {
            ulong first = message[start];
            if (first < 0x80)
            {
                value = first;
                _position = start + 1;
                return true;
            }

            if ((uint)(start + 1) < (uint)message.Length)
            {
                ulong second = message[start + 1];
                if (second < 0x80)
                {
                    value = (first & 0x7F) | (second << 7);
                    _position = start + 2;
                    return true;
                }
            }
        }

        // The callee writes to a local of its own, so that the caller's variable need not have an address.
        var size = DecodeLong(message, start, out var decoded);
        value = decoded;
        if (size > 0)
        {
            _position = start + size;
            return true;
        }

        return size == Varint.TooLong
            ? Fail(OtlpErrorKind.VarintTooLong, start, 0)
            : Fail(OtlpErrorKind.Truncated, start, (ulong)(uint)(message.Length - start) + 1);
    }

    /// <summary>The content of a length-delimited field: string, bytes or message.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadBytes(out ReadOnlySpan<byte> content)
    {
        if (!TryReadVarint(out var length))
        {
            content = default;
            return false;
        }

        var position = _position;
        if (length > (ulong)(uint)(_message.Length - position))
        {
            content = default;
            return Fail(OtlpErrorKind.Truncated, position, length);
        }

        content = _message.Slice(position, (int)length);
        _position = position + (int)length;
        return true;
    }

    /// <summary>Eight little-endian bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadFixed64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(_message[_position..], out value))
            return Fail(OtlpErrorKind.Truncated, _position, sizeof(ulong));
        _position += sizeof(ulong);
        return true;
    }

    /// <summary>Four little-endian bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadFixed32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(_message[_position..], out value))
            return Fail(OtlpErrorKind.Truncated, _position, sizeof(uint));
        _position += sizeof(uint);
        return true;
    }

    /// <summary>A varint of which uint32, int32, enum and bool fields take the low bits, as protobuf parsers do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadVarint32(out uint value)
    {
        var read = TryReadVarint(out var wide);
        value = (uint)wide;
        return read;
    }

    /// <summary>
    /// Steps over the field whose tag was just read, a group with all that is in it. False if the tag is not a legal one,
    /// ends a group, or the field is not complete.
    /// </summary>
    public bool TrySkip(uint tag)
    {
        var tagStart = _position - Varint.SizeBytes(tag);
        if (tag >> WireType.NumberShift == 0) return Fail(OtlpErrorKind.IllegalFieldNumber, tagStart, tag);
        return (tag & WireType.Mask) switch
        {
            WireType.StartGroup => TrySkipGroup(tag),
            WireType.EndGroup => Fail(OtlpErrorKind.UnmatchedEndGroup, tagStart, tag),
            _ => TrySkipScalar(tag, tagStart),
        };
    }

    /// <summary>Fails the reader at the tag just read: a known field in a wire type that is not its own.</summary>
    public bool FailWireType(uint tag) => Fail(OtlpErrorKind.UnexpectedWireType, _position - Varint.SizeBytes(tag), tag);

    private bool TrySkipScalar(uint tag, int tagStart) => (tag & WireType.Mask) switch
    {
        WireType.Varint => TryReadVarint(out _),
        WireType.Fixed64 => TryReadFixed64(out _),
        WireType.LengthDelimited => TryReadBytes(out _),
        WireType.Fixed32 => TryReadFixed32(out _),
        _ => Fail(OtlpErrorKind.IllegalWireType, tagStart, tag),
    };

    /// <summary>Groups nest, so the open ones are kept on a stack of bounded size instead of the call stack.</summary>
    private bool TrySkipGroup(uint startTag)
    {
        Span<uint> open = stackalloc uint[MaxGroupDepth];
        open[0] = startTag;
        var depth = 1;
        while (depth > 0)
        {
            var tagStart = _position;
            if (!TryReadTag(out var tag))
            {
                if (!HasFailed) Fail(OtlpErrorKind.Truncated, tagStart, 1);
                return false;
            }

            if (tag >> WireType.NumberShift == 0) return Fail(OtlpErrorKind.IllegalFieldNumber, tagStart, tag);
            switch (tag & WireType.Mask)
            {
                case WireType.StartGroup:
                    if (depth == MaxGroupDepth) return Fail(OtlpErrorKind.GroupTooDeep, tagStart, tag);
                    open[depth++] = tag;
                    break;
                case WireType.EndGroup:
                    if (open[--depth] >> WireType.NumberShift != tag >> WireType.NumberShift)
                        return Fail(OtlpErrorKind.UnmatchedEndGroup, tagStart, tag);
                    break;
                default:
                    if (!TrySkipScalar(tag, tagStart)) return false;
                    break;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Fail(OtlpErrorKind kind, int start, ulong found)
    {
        _errorKind = kind;
        _errorFound = found;
        _position = start;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int DecodeLong(ReadOnlySpan<byte> message, int start, out ulong value) => Varint.Decode(message[start..], out value);
}
