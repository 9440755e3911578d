using System.Buffers.Binary;
using System.Text;

namespace Tempo.SystemTests.Otlp;

/// <summary>The fields of a small protobuf answer, in the order in which they stand. Malformed bytes are a failed test.</summary>
internal sealed class ProtobufFields
{
    private readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

    public ProtobufFields(ReadOnlySpan<byte> message)
    {
        while (!message.IsEmpty)
        {
            var tag = ReadVarint(ref message);
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    _fields.Add((field, ReadVarint(ref message), []));
                    break;
                case 2:
                    var length = (int)ReadVarint(ref message);
                    _fields.Add((field, 0, message[..length].ToArray()));
                    message = message[length..];
                    break;
                case 1:
                    _fields.Add((field, BinaryPrimitives.ReadUInt64LittleEndian(message), []));
                    message = message[8..];
                    break;
                case 5:
                    _fields.Add((field, BinaryPrimitives.ReadUInt32LittleEndian(message), []));
                    message = message[4..];
                    break;
                default:
                    throw new FormatException($"field {field} has wire type {tag & 7}");
            }
        }
    }

    public bool Has(int field) => _fields.Exists(f => f.Field == field);

    public ulong Number(int field) => _fields.LastOrDefault(f => f.Field == field).Number;

    public string Text(int field) => Encoding.UTF8.GetString(_fields.LastOrDefault(f => f.Field == field).Bytes ?? []);

    public byte[] Bytes(int field) => _fields.LastOrDefault(f => f.Field == field).Bytes ?? [];

    /// <summary>Each of them as it stands; a number as no bytes.</summary>
    public IEnumerable<byte[]> All(int field) => _fields.Where(f => f.Field == field).Select(static f => f.Bytes);

    public ProtobufFields Message(int field) => new(_fields.Last(f => f.Field == field).Bytes);

    public IEnumerable<ProtobufFields> Messages(int field) => _fields.Where(f => f.Field == field).Select(f => new ProtobufFields(f.Bytes));

    private static ulong ReadVarint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
    }
}
