using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Tests.Testing;

/// <summary>The fields of a message as they stand there: length-delimited ones with their content, varints with their value.</summary>
internal static class ProtobufPeek
{
    public static List<(int Number, byte[] Content, ulong Value)> Read(byte[] message)
    {
        var fields = new List<(int, byte[], ulong)>();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            var number = (int)(tag >> WireType.NumberShift);
            if ((tag & WireType.Mask) == WireType.LengthDelimited && reader.TryReadBytes(out var content))
                fields.Add((number, content.ToArray(), 0));
            else if (reader.TryReadVarint(out var value)) fields.Add((number, [], value));
        }

        return fields;
    }
}
