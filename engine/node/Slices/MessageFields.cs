using System.Text;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Node.Slices;

/// <summary>Fields of a protobuf message by their numbers, for messages whose fields are few and whose reader goes through all.</summary>
internal static class MessageFields
{
    public static uint BytesTag(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;

    public static uint FixedTag(uint field) => field << WireType.NumberShift | WireType.Fixed64;

    public static int Begin(ProtobufWriter writer, uint field) => writer.BeginMessage(BytesTag(field));

    public static void Text(ProtobufWriter writer, uint field, string text) => writer.WriteBytes(BytesTag(field), Encoding.UTF8.GetBytes(text));

    public static void Number(ProtobufWriter writer, uint field, ulong value) => writer.WriteVarint(field << WireType.NumberShift | WireType.Varint, value);

    /// <summary>
    /// The next field, with the bytes or the number that it has, and nothing of the other; one of another wire type is field 0. False at the end and where the
    /// message cannot be read.
    /// </summary>
    public static bool TryReadField(ref ProtobufReader reader, out uint field, out ReadOnlySpan<byte> bytes, out ulong number)
    {
        (field, number) = (0, 0);
        bytes = default;
        if (!reader.TryReadTag(out var tag)) return false;
        field = tag >> WireType.NumberShift;
        switch (tag & WireType.Mask)
        {
            case WireType.Varint: return reader.TryReadVarint(out number);
            case WireType.Fixed64: return reader.TryReadFixed64(out number);
            case WireType.LengthDelimited: return reader.TryReadBytes(out bytes);
            default:
                field = 0;
                return reader.TrySkip(tag);
        }
    }
}
