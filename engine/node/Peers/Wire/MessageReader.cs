using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Node.Peers.Wire;

/// <summary>
/// Goes through the fields of a message between nodes. The caller passes over those that it does not know, so that nodes of different
/// versions understand each other during a rolling restart. Throws <see cref="PeerException"/> where the message cannot be read.
/// </summary>
internal ref struct MessageReader(ReadOnlySpan<byte> message)
{
    private readonly int _length = message.Length;
    private ProtobufReader _reader = new(message);

    /// <summary>Bytes read so far: where the bytes of the field that was read last end.</summary>
    public readonly int Position => _reader.Position;

    /// <summary>
    /// The next field, with the bytes or the number that it has, and nothing of the other; one of any other wire type is field 0. False at
    /// the end.
    /// </summary>
    public bool TryRead(out uint field, out ReadOnlySpan<byte> bytes, out ulong number)
    {
        (field, number) = (0, 0);
        bytes = default;
        if (!_reader.TryReadTag(out var tag)) return IsThere(false);
        field = tag >> WireType.NumberShift;
        switch (tag & WireType.Mask)
        {
            case WireType.Varint: return IsThere(_reader.TryReadVarint(out number));
            case WireType.Fixed64: return IsThere(_reader.TryReadFixed64(out number));
            case WireType.LengthDelimited: return IsThere(_reader.TryReadBytes(out bytes));
            default:
                field = 0;
                return IsThere(_reader.TrySkip(tag));
        }
    }

    /// <summary>The next of packed numbers, where they are the message. False at the end.</summary>
    public bool TryReadPacked(out ulong number)
    {
        number = 0;
        return Position < _length && IsThere(_reader.TryReadVarint(out number));
    }

    private readonly bool IsThere(bool isRead) =>
        !_reader.HasFailed ? isRead : throw new PeerException($"a message between nodes cannot be read: {_reader.Error.Message}");
}
