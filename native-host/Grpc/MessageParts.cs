using System.Text;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc;

/// <summary>Small messages that stand in others.</summary>
internal static class MessageParts
{
    private const uint KeyTag = 1 << WireType.NumberShift | WireType.LengthDelimited;
    private const uint ValueTag = 2 << WireType.NumberShift | WireType.LengthDelimited;

    /// <summary>An entry of map&lt;string, string>; what is missing in it is empty.</summary>
    public static (string Key, string Value) ReadTextEntry(ReadOnlySpan<byte> entry)
    {
        var (key, value) = ("", "");
        var reader = new ProtobufReader(entry);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == KeyTag && reader.TryReadBytes(out var content)) key = Encoding.UTF8.GetString(content);
            else if (tag == ValueTag && reader.TryReadBytes(out content)) value = Encoding.UTF8.GetString(content);
            else if (reader.HasFailed || !reader.TrySkip(tag)) break;
        }

        return (key, value);
    }

    /// <summary>A google.protobuf.Timestamp or Duration: <c>int64 seconds = 1; int32 nanos = 2</c>.</summary>
    public static (long Seconds, int Nano) ReadTime(ReadOnlySpan<byte> message)
    {
        var (seconds, nano) = (0L, 0);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == 1 << WireType.NumberShift && reader.TryReadVarint(out var value)) seconds = (long)value;
            else if (tag == 2 << WireType.NumberShift && reader.TryReadVarint(out value)) nano = (int)(long)value;
            else if (reader.HasFailed || !reader.TrySkip(tag)) break;
        }

        return (seconds, nano);
    }
}
