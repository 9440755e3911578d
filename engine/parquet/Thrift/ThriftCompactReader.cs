using System.Text;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Reads structs of the Thrift compact protocol from untrusted bytes. Every length is checked against the bytes that are left,
/// so nothing is allocated for a number that is only claimed; nesting is limited; a field of the wrong type is an error.
/// A struct is read as
/// <code>for (short field = 0; reader.NextField(ref field, out var type);) switch (field) { case 1: x = reader.ReadI32(type); … }</code>
/// </summary>
internal ref struct ThriftCompactReader(ReadOnlySpan<byte> bytes, string subject)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly string _subject = subject;
    private int _position;
    private int _depth;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Moves to the next field of the current struct; false at its end.</summary>
    public bool NextField(ref short field, out ThriftType type)
    {
        var header = ReadRawByte();
        type = (ThriftType)(header & 0x0F);
        if (type == ThriftType.Stop) return false;
        if (type > ThriftType.Struct) Fail($"unknown type {(int)type}");
        var delta = header >> 4;
        var next = delta != 0 ? field + delta : Varint.UnZigZag(ReadVarint());
        if (next is <= 0 or > short.MaxValue) Fail($"field number {next}");
        field = (short)next;
        return true;
    }

    public readonly bool ReadBool(ThriftType type)
    {
        if (type is not (ThriftType.True or ThriftType.False)) FailType(type, ThriftType.True);
        return type == ThriftType.True;
    }

    public sbyte ReadByte(ThriftType type)
    {
        Expect(type, ThriftType.Byte);
        return (sbyte)ReadRawByte();
    }

    public int ReadI32(ThriftType type)
    {
        Expect(type, ThriftType.I32);
        return ReadI32Element();
    }

    public long ReadI64(ThriftType type)
    {
        Expect(type, ThriftType.I64);
        return ReadI64Element();
    }

    /// <summary>Bytes of a binary or string field, in place.</summary>
    public ReadOnlySpan<byte> ReadBinary(ThriftType type)
    {
        Expect(type, ThriftType.Binary);
        return ReadBinaryElement();
    }

    public string ReadText(ThriftType type) => Encoding.UTF8.GetString(ReadBinary(type));

    /// <summary>Number of elements of a list field; each takes at least one byte, so it never exceeds the bytes left.</summary>
    public int ReadListHeader(ThriftType type, ThriftType elementType)
    {
        Expect(type, ThriftType.List);
        var (element, count) = ReadListHeader();
        // An empty list may carry any element type; booleans come as either of their two types.
        if (count > 0 && element != elementType && !(elementType == ThriftType.True && element == ThriftType.False))
            FailType(element, elementType);
        return count;
    }

    public int ReadI32Element()
    {
        var value = Varint.UnZigZag(ReadVarint());
        if (value is < int.MinValue or > int.MaxValue) Fail($"a 32-bit number of value {value}");
        return (int)value;
    }

    public long ReadI64Element() => Varint.UnZigZag(ReadVarint());

    public bool ReadBoolElement() => ReadRawByte() == (byte)ThriftType.True;

    public ReadOnlySpan<byte> ReadBinaryElement()
    {
        var length = ReadVarint();
        if (length > (ulong)(_bytes.Length - _position)) Fail($"a string of {length} bytes where {_bytes.Length - _position} are left");
        var value = _bytes.Slice(_position, (int)length);
        _position += (int)length;
        return value;
    }

    /// <summary>Passes over a field that is not known.</summary>
    public void Skip(ThriftType type)
    {
        switch (type)
        {
            case ThriftType.True or ThriftType.False:
                break;
            case ThriftType.Byte:
                ReadRawByte();
                break;
            case ThriftType.I16 or ThriftType.I32 or ThriftType.I64:
                ReadVarint();
                break;
            case ThriftType.Double:
                if (_bytes.Length - _position < 8) Fail("a double that ends early");
                _position += 8;
                break;
            case ThriftType.Binary:
                ReadBinaryElement();
                break;
            default:
                SkipNested(type);
                break;
        }
    }

    private void SkipNested(ThriftType type)
    {
        if (++_depth > ParquetLimits.MaxThriftDepth) Fail($"nesting deeper than {ParquetLimits.MaxThriftDepth}");
        switch (type)
        {
            case ThriftType.List or ThriftType.Set:
                var (element, count) = ReadListHeader();
                for (var i = 0; i < count; i++) SkipElement(element);
                break;
            case ThriftType.Map:
                SkipMap();
                break;
            case ThriftType.Struct:
                for (short field = 0; NextField(ref field, out var fieldType);) Skip(fieldType);
                break;
            default:
                Fail($"unknown type {(int)type}");
                break;
        }

        _depth--;
    }

    private void SkipMap()
    {
        var count = ReadVarint();
        if (count == 0) return;
        if (count > (ulong)(_bytes.Length - _position)) Fail($"a map of {count} entries where {_bytes.Length - _position} bytes are left");
        var types = ReadRawByte();
        for (ulong i = 0; i < count; i++)
        {
            SkipElement((ThriftType)(types >> 4));
            SkipElement((ThriftType)(types & 0x0F));
        }
    }

    /// <summary>Elements differ from fields in one thing: a boolean takes a byte of its own.</summary>
    private void SkipElement(ThriftType type)
    {
        if (type is ThriftType.True or ThriftType.False) ReadRawByte();
        else Skip(type);
    }

    private (ThriftType Element, int Count) ReadListHeader()
    {
        var header = ReadRawByte();
        var count = (ulong)(header >> 4);
        if (count == 15) count = ReadVarint();
        if (count > (ulong)(_bytes.Length - _position))
            Fail($"a list of {count} elements where {_bytes.Length - _position} bytes are left");
        return ((ThriftType)(header & 0x0F), (int)count);
    }

    private byte ReadRawByte()
    {
        if ((uint)_position >= (uint)_bytes.Length) Fail("the bytes end early");
        return _bytes[_position++];
    }

    private ulong ReadVarint()
    {
        if (!Varint.TryRead(_bytes, ref _position, out var value)) Fail("a number that ends early or is too long");
        return value;
    }

    private readonly void Expect(ThriftType type, ThriftType expected)
    {
        if (type != expected) FailType(type, expected);
    }

    private readonly void FailType(ThriftType type, ThriftType expected) => Fail($"type {type} where {expected} belongs");

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private readonly void Fail(string what) => ParquetFormatException.Throw($"{_subject}: {what}, at byte {_position} of {_bytes.Length}.");
}
