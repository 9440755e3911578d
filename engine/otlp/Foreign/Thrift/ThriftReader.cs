using System.Buffers.Binary;
using System.Globalization;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Thrift;

/// <summary>
/// Walks a Thrift message in the binary or the compact protocol
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md and thrift-compact-protocol.md). Nothing is
/// allocated; a size that is claimed is held against the bytes that are there (an element takes at least one), and nesting
/// against <see cref="MaxDepth"/>. After the first failure every read fails; <see cref="Error"/> says what was wrong.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> message, bool isCompact)
{
    /// <summary>Deepest nesting of structs and containers that is walked.</summary>
    public const int MaxDepth = 64;

    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;
    private string _error = "";

    // A field's bool stands in its head in the compact protocol.
    private bool _pendingBool;
    private bool _pendingValue;

    public readonly int Position => _position;

    public readonly bool HasFailed => _error.Length > 0;

    /// <summary>What is wrong and where; empty if nothing is.</summary>
    public readonly string Error => _error;

    public readonly int Left => _message.Length - _position;

    /// <summary>
    /// The next field of a struct; false at its end, or after a failure. <paramref name="id"/> comes in as that of the field
    /// before (0 at first).
    /// </summary>
    public bool TryReadField(ref short id, out ThriftType type)
    {
        type = ThriftType.Stop;
        if (!TryReadByte(out var head)) return false;
        return isCompact ? TryReadCompactField(head, ref id, out type) : TryReadBinaryField(head, ref id, out type);
    }

    /// <summary>The head of a list or set.</summary>
    public bool TryReadList(out ThriftType elementType, out int count)
    {
        elementType = ThriftType.Stop;
        count = 0;
        if (!TryReadByte(out var head)) return false;
        long size;
        if (isCompact)
        {
            size = head >> 4;
            if (size == 15)
            {
                if (!TryReadUnsigned(out var large)) return false;
                size = (long)Math.Min(large, long.MaxValue);
            }
        }
        else
        {
            if (!TryReadFixed(sizeof(int), out var wide)) return false;
            size = (int)wide;
        }

        if (size == 0) return true; // of whatever type
        if (size < 0 || size > Left) return Fail($"a list of {size} elements in {Left} bytes");
        count = (int)size;
        return isCompact ? TryCompactType(head & 0xf, out elementType) : TryBinaryType(head, out elementType);
    }

    public bool TryReadBool(out bool value)
    {
        if (isCompact && _pendingBool)
        {
            _pendingBool = false;
            value = _pendingValue;
            return true;
        }

        var read = TryReadByte(out var b);

        // As an element of a compact list: 1 is true, 2 is false.
        value = b == 1;
        return read;
    }

    public bool TryReadInteger(ThriftType type, out long value)
    {
        if (type == ThriftType.Byte)
        {
            var read = TryReadByte(out var b);
            value = (sbyte)b;
            return read;
        }

        if (isCompact)
        {
            var read = TryReadUnsigned(out var zigzag);
            value = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
            return read;
        }

        var size = type switch
        {
            ThriftType.I16 => 2,
            ThriftType.I32 => 4,
            _ => 8,
        };
        if (!TryReadFixed(size, out value)) return false;
        value = size switch
        {
            2 => (short)value,
            4 => (int)value,
            _ => value,
        };
        return true;
    }

    public bool TryReadDouble(out double value)
    {
        value = 0;
        if (Left < sizeof(double)) return Fail("the message ends within a double");
        var bytes = _message.Slice(_position, sizeof(double));
        value = isCompact ? BinaryPrimitives.ReadDoubleLittleEndian(bytes) : BinaryPrimitives.ReadDoubleBigEndian(bytes);
        _position += sizeof(double);
        return true;
    }

    /// <summary>Text or bytes: a piece of the message.</summary>
    public bool TryReadBinary(out ReadOnlySpan<byte> value)
    {
        value = default;
        long length;
        if (isCompact)
        {
            if (!TryReadUnsigned(out var size)) return false;
            length = (long)Math.Min(size, long.MaxValue);
        }
        else
        {
            if (!TryReadFixed(sizeof(int), out var wide)) return false;
            length = (int)wide;
        }

        if (length < 0 || length > Left) return Fail($"a text of {length} bytes in {Left}");
        value = _message.Slice(_position, (int)length);
        _position += (int)length;
        return true;
    }

    /// <summary>Steps over a value. <paramref name="depth"/>: levels that are open around it.</summary>
    public bool TrySkip(ThriftType type, int depth)
    {
        if (depth >= MaxDepth) return Fail($"nested deeper than {MaxDepth}");
        switch (type)
        {
            case ThriftType.Bool: return TryReadBool(out _);
            case ThriftType.Byte or ThriftType.I16 or ThriftType.I32 or ThriftType.I64: return TryReadInteger(type, out _);
            case ThriftType.Double: return TryReadDouble(out _);
            case ThriftType.Binary: return TryReadBinary(out _);
            case ThriftType.Struct:
                short id = 0;
                while (TryReadField(ref id, out var field))
                    if (!TrySkip(field, depth + 1)) return false;
                return !HasFailed;
            case ThriftType.Map: return TrySkipMap(depth);
            case ThriftType.List or ThriftType.Set:
                if (!TryReadList(out var element, out var count)) return false;
                for (var i = 0; i < count; i++)
                    if (!TrySkip(element, depth + 1)) return false;
                return true;
            default: return FailType((int)type);
        }
    }

    /// <summary>The head of a call: its name; the reader stands before the struct of its arguments then.</summary>
    public bool TryReadMessageHead(out ReadOnlySpan<byte> name)
    {
        name = default;
        if (isCompact)
        {
            if (!TryReadByte(out var protocol) || !TryReadByte(out var version)) return false;
            if (protocol != 0x82 || (version & 0x1f) != 1) return Fail("not a compact Thrift message of version 1");
            return TryReadUnsigned(out _) && TryReadBinary(out name);
        }

        if (!TryReadFixed(sizeof(int), out var head)) return false;
        if (((uint)head & 0xffff_0000) == 0x8001_0000) return TryReadBinary(out name) && TryReadFixed(sizeof(int), out _);

        // The old form without a version begins with the length of the name, which is positive.
        _position -= sizeof(int);
        return TryReadBinary(out name) && TryReadByte(out _) && TryReadFixed(sizeof(int), out _);
    }

    private bool TrySkipMap(int depth)
    {
        ThriftType key, value;
        long count;
        if (isCompact)
        {
            if (!TryReadUnsigned(out var size)) return false;
            count = (long)Math.Min(size, long.MaxValue);
            if (count == 0) return true;
            if (!TryReadByte(out var types) || !TryCompactType(types >> 4, out key) || !TryCompactType(types & 0xf, out value))
                return false;
        }
        else
        {
            if (!TryReadByte(out var keyType) || !TryReadByte(out var valueType) || !TryReadFixed(sizeof(int), out var wide)) return false;
            count = (int)wide;
            if (count == 0) return true;
            if (!TryBinaryType(keyType, out key) || !TryBinaryType(valueType, out value)) return false;
        }

        if (count < 0 || count > Left) return Fail($"a map of {count} entries in {Left} bytes");
        for (long i = 0; i < count; i++)
            if (!TrySkip(key, depth + 1) || !TrySkip(value, depth + 1)) return false;
        return true;
    }

    private bool TryReadBinaryField(byte head, ref short id, out ThriftType type)
    {
        type = ThriftType.Stop;
        if (head == 0 || !TryBinaryType(head, out type) || !TryReadFixed(sizeof(short), out var number)) return false;
        id = (short)number;
        return true;
    }

    private bool TryReadCompactField(byte head, ref short id, out ThriftType type)
    {
        type = ThriftType.Stop;
        if (head == 0 || !TryCompactType(head & 0xf, out type)) return false;
        var delta = head >> 4;
        if (delta != 0)
        {
            id = (short)(id + delta);
        }
        else
        {
            if (!TryReadUnsigned(out var zigzag)) return false;
            id = (short)((long)(zigzag >> 1) ^ -(long)(zigzag & 1));
        }

        _pendingBool = type == ThriftType.Bool;
        _pendingValue = (head & 0xf) == 1;
        return true;
    }

    private bool TryBinaryType(byte code, out ThriftType type)
    {
        type = (ThriftType)code;
        return code is 2 or 3 or 4 or 6 or 8 or (>= 10 and <= 15) || FailType(code);
    }

    private bool TryCompactType(int code, out ThriftType type)
    {
        type = code switch
        {
            1 or 2 => ThriftType.Bool,
            3 => ThriftType.Byte,
            4 => ThriftType.I16,
            5 => ThriftType.I32,
            6 => ThriftType.I64,
            7 => ThriftType.Double,
            8 => ThriftType.Binary,
            9 => ThriftType.List,
            10 => ThriftType.Set,
            11 => ThriftType.Map,
            12 => ThriftType.Struct,
            _ => ThriftType.Stop,
        };
        return type != ThriftType.Stop || FailType(code);
    }

    private bool TryReadByte(out byte value)
    {
        if (_position >= _message.Length || HasFailed)
        {
            value = 0;
            return Fail("the message ends too early");
        }

        value = _message[_position++];
        return true;
    }

    private bool TryReadFixed(int size, out long value)
    {
        value = 0;
        if (Left < size) return Fail("the message ends within a number");
        var bytes = _message.Slice(_position, size);
        value = size switch
        {
            2 => BinaryPrimitives.ReadInt16BigEndian(bytes),
            4 => BinaryPrimitives.ReadInt32BigEndian(bytes),
            _ => BinaryPrimitives.ReadInt64BigEndian(bytes),
        };
        _position += size;
        return true;
    }

    private bool TryReadUnsigned(out ulong value)
    {
        var size = Varint.Decode(_message[_position..], out value);
        if (size <= 0) return Fail(size == 0 ? "the message ends within a number" : "a number longer than ten bytes");
        _position += size;
        return true;
    }

    // In the words that clients of Tempo know.
    private bool FailType(int code)
    {
        if (_error.Length == 0) _error = string.Create(CultureInfo.InvariantCulture, $"Unknown data type {code}");
        _position = _message.Length;
        return false;
    }

    /// <summary>Fails the reader, for a reason that lies in what was read.</summary>
    public bool Fail(string text)
    {
        if (_error.Length == 0) _error = string.Create(CultureInfo.InvariantCulture, $"{text} (at byte {_position} of {_message.Length})");
        _position = _message.Length;
        return false;
    }
}
