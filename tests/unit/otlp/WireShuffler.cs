using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Tempo.Otlp.Tests;

/// <summary>
/// Rewrites a message into another legal encoding of the same content: fields of different numbers in any order,
/// unknown fields of every wire type between them, singular messages sent in several pieces, scalars sent twice.
/// </summary>
internal sealed class WireShuffler(int seed)
{
    private readonly Random _random = new(seed);

    public byte[] Shuffle(IMessage message) => Shuffle(message.ToByteArray(), message.Descriptor);

    private byte[] Shuffle(byte[] message, MessageDescriptor descriptor)
    {
        var queues = Split(message).GroupBy(field => field.Number).Select(group => new Queue<(int Number, byte[] Bytes)>(group)).ToList();
        using var stream = new MemoryStream();
        while (queues.Count > 0)
        {
            if (_random.Next(6) == 0) stream.Write(UnknownField());
            var queue = queues[_random.Next(queues.Count)];
            var (number, bytes) = queue.Dequeue();
            if (queue.Count == 0) queues.Remove(queue);
            stream.Write(Rewrite(bytes, descriptor.FindFieldByNumber(number)));
        }

        return stream.ToArray();
    }

    private byte[] Rewrite(byte[] field, FieldDescriptor descriptor)
    {
        if (descriptor.FieldType != FieldType.Message) return field;
        var input = new CodedInputStream(field);
        var tag = input.ReadTag();
        var content = Shuffle(input.ReadBytes().ToByteArray(), descriptor.MessageType);

        // Only where the pieces are merged again: a repeated one would become two elements.
        if (descriptor.IsRepeated || _random.Next(3) > 0) return LengthDelimited(tag, content);
        var pieces = Split(content).ToList();
        var cut = _random.Next(pieces.Count + 1);
        return
        [
            .. LengthDelimited(tag, pieces[..cut].SelectMany(piece => piece.Bytes).ToArray()),
            .. LengthDelimited(tag, pieces[cut..].SelectMany(piece => piece.Bytes).ToArray()),
        ];
    }

    private static IEnumerable<(int Number, byte[] Bytes)> Split(byte[] message)
    {
        var input = new CodedInputStream(message);
        for (var start = 0L; input.ReadTag() is var tag and not 0; start = input.Position)
        {
            input.SkipLastField();
            yield return ((int)(tag >> 3), message[(int)start..(int)input.Position]);
        }
    }

    private byte[] UnknownField() => _random.Next(6) switch
    {
        0 => [0xA0, 0x1F, 0x80, 0x80, 0x01],
        1 => [0xA1, 0x1F, 1, 2, 3, 4, 5, 6, 7, 8],
        2 => [0xA2, 0x1F, 3, 9, 9, 9],
        3 => [0xA5, 0x1F, 1, 2, 3, 4],
        4 => [0xA3, 0x1F, 0x08, 0x01, 0x13, 0x14, 0xA4, 0x1F],
        _ => [0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 0],
    };

    private static byte[] LengthDelimited(uint tag, byte[] content)
    {
        using var stream = new MemoryStream();
        var output = new CodedOutputStream(stream);
        output.WriteTag(tag);
        output.WriteBytes(ByteString.CopyFrom(content));
        output.Flush();
        return stream.ToArray();
    }
}
