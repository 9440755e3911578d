using System.Buffers;
using System.Text;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Writes structs of the Thrift compact protocol. Fields are written in ascending order; a struct is a pair of
/// <see cref="BeginStruct(short)"/> and <see cref="EndStruct"/>, the outermost one is implied and ended by <see cref="EndStruct"/>.
/// </summary>
internal sealed class ThriftCompactWriter
{
    private readonly ArrayBufferWriter<byte> _output = new(256);
    private readonly short[] _outerFields = new short[ParquetLimits.MaxThriftDepth];
    private int _depth;
    private short _lastField;

    public ReadOnlySpan<byte> Written => _output.WrittenSpan;

    /// <summary>Bytes written so far go away; what is open stays open.</summary>
    public void DropWritten() => _output.ResetWrittenCount();

    /// <summary>Appends fields of the open struct that were written before, the last of them being <paramref name="lastField"/>.</summary>
    public void AppendFields(ReadOnlySpan<byte> fields, short lastField)
    {
        _output.Write(fields);
        _lastField = lastField;
    }

    public void Clear()
    {
        _output.ResetWrittenCount();
        _depth = 0;
        _lastField = 0;
    }

    public void WriteBool(short field, bool value) => WriteFieldHeader(field, value ? ThriftType.True : ThriftType.False);

    public void WriteByte(short field, sbyte value)
    {
        WriteFieldHeader(field, ThriftType.Byte);
        WriteRaw((byte)value);
    }

    public void WriteI32(short field, int value)
    {
        WriteFieldHeader(field, ThriftType.I32);
        WriteVarint(Varint.ZigZag(value));
    }

    public void WriteI64(short field, long value)
    {
        WriteFieldHeader(field, ThriftType.I64);
        WriteVarint(Varint.ZigZag(value));
    }

    public void WriteBinary(short field, ReadOnlySpan<byte> value)
    {
        WriteFieldHeader(field, ThriftType.Binary);
        WriteBinaryElement(value);
    }

    public void WriteText(short field, string value) => WriteBinary(field, Encoding.UTF8.GetBytes(value));

    public void BeginStruct(short field)
    {
        WriteFieldHeader(field, ThriftType.Struct);
        BeginStructElement();
    }

    /// <summary>Begins a struct that is an element of a list.</summary>
    public void BeginStructElement()
    {
        _outerFields[_depth++] = _lastField;
        _lastField = 0;
    }

    public void EndStruct()
    {
        WriteRaw((byte)ThriftType.Stop);
        if (_depth > 0) _lastField = _outerFields[--_depth];
    }

    /// <summary>A struct without fields: how unions name a choice that carries nothing.</summary>
    public void WriteEmptyStruct(short field)
    {
        BeginStruct(field);
        EndStruct();
    }

    /// <summary>Begins a list; exactly <paramref name="count"/> elements follow.</summary>
    public void BeginList(short field, ThriftType elementType, int count)
    {
        WriteFieldHeader(field, ThriftType.List);
        if (count < 15)
        {
            WriteRaw((byte)((count << 4) | (int)elementType));
            return;
        }

        WriteRaw((byte)(0xF0 | (int)elementType));
        WriteVarint((ulong)count);
    }

    public void WriteI32Element(int value) => WriteVarint(Varint.ZigZag(value));

    public void WriteI64Element(long value) => WriteVarint(Varint.ZigZag(value));

    public void WriteBoolElement(bool value) => WriteRaw((byte)(value ? ThriftType.True : ThriftType.False));

    public void WriteBinaryElement(ReadOnlySpan<byte> value)
    {
        WriteVarint((ulong)value.Length);
        _output.Write(value);
    }

    public void WriteTextElement(string value) => WriteBinaryElement(Encoding.UTF8.GetBytes(value));

    private void WriteFieldHeader(short field, ThriftType type)
    {
        var delta = field - _lastField;
        if (delta is > 0 and <= 15)
        {
            WriteRaw((byte)((delta << 4) | (int)type));
        }
        else
        {
            WriteRaw((byte)type);
            WriteVarint(Varint.ZigZag(field));
        }

        _lastField = field;
    }

    private void WriteVarint(ulong value)
    {
        var span = _output.GetSpan(10);
        _output.Advance(Varint.Write(span, value));
    }

    private void WriteRaw(byte value)
    {
        _output.GetSpan(1)[0] = value;
        _output.Advance(1);
    }
}
