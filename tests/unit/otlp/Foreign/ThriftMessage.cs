using System.Buffers.Binary;
using System.Text;

namespace Tempo.Otlp.Tests.Foreign;

/// <summary>Writes Thrift, binary or compact, right or deliberately wrong: the tests' own encoder.</summary>
internal sealed class ThriftMessage(bool isCompact)
{
    public const byte Bool = 2, Byte = 3, Double = 4, I16 = 6, I32 = 8, I64 = 10, Binary = 11, Struct = 12, List = 15;

    private readonly List<byte> _bytes = [];
    private readonly Stack<short> _ids = new([(short)0]);

    public byte[] ToArray() => _bytes.ToArray();

    public ThriftMessage Call(string name)
    {
        if (isCompact)
        {
            _bytes.AddRange([0x82, 0x81]); // version 1, oneway is type 4
            Varint(0);
        }
        else
        {
            _bytes.AddRange([0x80, 0x01, 0x00, 0x04]);
        }

        Text(name);
        if (!isCompact) Fixed(4, 0);
        return this;
    }

    public ThriftMessage Field(byte type, short id) => isCompact ? CompactField(CompactType(type), id) : BinaryField(type, id);

    public ThriftMessage BoolField(short id, bool value)
    {
        if (isCompact) return CompactField(value ? 1 : 2, id);
        BinaryField(Bool, id);
        _bytes.Add(value ? (byte)1 : (byte)0);
        return this;
    }

    public ThriftMessage I64Field(short id, long value) => Field(I64, id).Number(8, value);

    public ThriftMessage I32Field(short id, int value) => Field(I32, id).Number(4, value);

    public ThriftMessage I16Field(short id, short value) => Field(I16, id).Number(2, value);

    public ThriftMessage TextField(short id, string value) => BytesField(id, Encoding.UTF8.GetBytes(value));

    public ThriftMessage BytesField(short id, byte[] value)
    {
        Field(Binary, id);
        return Bytes(value);
    }

    public ThriftMessage DoubleField(short id, double value)
    {
        Field(Double, id);
        Span<byte> bytes = stackalloc byte[8];
        if (isCompact) BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        else BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public ThriftMessage StructField(short id, Action<ThriftMessage> write) => Field(Struct, id).Body(write);

    public ThriftMessage ListField(short id, params Action<ThriftMessage>[] elements) =>
        Field(List, id).ListOf(Struct, elements.Length, elements);

    public ThriftMessage ListOf(byte type, int count, params Action<ThriftMessage>[] elements)
    {
        if (isCompact && count < 15)
        {
            _bytes.Add((byte)(count << 4 | CompactType(type)));
        }
        else if (isCompact)
        {
            _bytes.Add((byte)(0xf0 | CompactType(type)));
            Varint((ulong)count);
        }
        else
        {
            _bytes.Add(type);
            Fixed(4, count);
        }

        foreach (var element in elements) Body(element);
        return this;
    }

    /// <summary>The fields of a struct, and its end.</summary>
    public ThriftMessage Body(Action<ThriftMessage> write)
    {
        _ids.Push(0);
        write(this);
        _ids.Pop();
        _bytes.Add(0);
        return this;
    }

    public ThriftMessage Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    private ThriftMessage Number(int size, long value)
    {
        if (isCompact) Varint((ulong)(value << 1 ^ value >> 63));
        else Fixed(size, value);
        return this;
    }

    private void Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));

    private ThriftMessage Bytes(byte[] value)
    {
        if (isCompact) Varint((ulong)value.Length);
        else Fixed(4, value.Length);
        _bytes.AddRange(value);
        return this;
    }

    private ThriftMessage BinaryField(byte type, short id)
    {
        _bytes.Add(type);
        Fixed(2, id);
        return this;
    }

    private ThriftMessage CompactField(int type, short id)
    {
        var delta = id - _ids.Pop();
        _ids.Push(id);
        if (delta is > 0 and <= 15)
        {
            _bytes.Add((byte)(delta << 4 | type));
            return this;
        }

        _bytes.Add((byte)type);
        Varint((ulong)(id << 1 ^ id >> 15));
        return this;
    }

    private void Fixed(int size, long value)
    {
        for (var shift = size * 8 - 8; shift >= 0; shift -= 8) _bytes.Add((byte)(value >> shift));
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }

    private static int CompactType(byte type) => type switch
    {
        Bool => 2,
        Byte => 3,
        I16 => 4,
        I32 => 5,
        I64 => 6,
        Double => 7,
        Binary => 8,
        List => 9,
        Struct => 12,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
