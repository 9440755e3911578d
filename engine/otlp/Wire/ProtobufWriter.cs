using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Otlp.Wire;

/// <summary>
/// Appends protobuf fields to a <see cref="NativeBuffer"/>. Writes what it is told, zero values too: leaving out defaults
/// is the caller's business. A nested message is written between <see cref="BeginMessage"/> and
/// <see cref="EndMessage"/>, without knowing its size before.
/// </summary>
public readonly struct ProtobufWriter(NativeBuffer buffer)
{
    private const int MaxTagSizeBytes = 5;

    /// <summary>Where the fields go.</summary>
    public NativeBuffer Buffer => buffer;

    public void WriteVarint(uint tag, ulong value)
    {
        var span = buffer.GetSpan(MaxTagSizeBytes + Varint.MaxSizeBytes);
        var size = Varint.Encode(span, tag);
        size += Varint.Encode(span[size..], value);
        buffer.Advance(size);
    }

    /// <summary>int32 and enum: negative numbers are sign-extended to ten bytes, as protobuf has it.</summary>
    public void WriteInt32(uint tag, int value) => WriteVarint(tag, (ulong)value);

    public void WriteBool(uint tag, bool value) => WriteVarint(tag, value ? 1UL : 0);

    public void WriteFixed64(uint tag, ulong value)
    {
        var span = buffer.GetSpan(MaxTagSizeBytes + sizeof(ulong));
        var size = Varint.Encode(span, tag);
        BinaryPrimitives.WriteUInt64LittleEndian(span[size..], value);
        buffer.Advance(size + sizeof(ulong));
    }

    public void WriteDouble(uint tag, double value) => WriteFixed64(tag, BitConverter.DoubleToUInt64Bits(value));

    public void WriteFixed32(uint tag, uint value)
    {
        var span = buffer.GetSpan(MaxTagSizeBytes + sizeof(uint));
        var size = Varint.Encode(span, tag);
        BinaryPrimitives.WriteUInt32LittleEndian(span[size..], value);
        buffer.Advance(size + sizeof(uint));
    }

    /// <summary>String, bytes, or a message that is there already.</summary>
    public void WriteBytes(uint tag, ReadOnlySpan<byte> content)
    {
        WriteVarint(tag, (uint)content.Length);
        buffer.Append(content);
    }

    /// <summary>Starts a nested message and returns the mark that <see cref="EndMessage"/> takes.</summary>
    public int BeginMessage(uint tag)
    {
        WriteVarint(tag, 0);
        return buffer.Length;
    }

    /// <summary>
    /// Puts the length in front of what was written since <paramref name="start"/>. One byte was set aside for it; a
    /// message of 128 bytes and more is moved up, so that the encoding is always the shortest one.
    /// </summary>
    public void EndMessage(int start)
    {
        var length = buffer.Length - start;
        var lengthSize = Varint.SizeBytes((uint)length);
        var shift = lengthSize - 1;
        if (shift > 0)
        {
            buffer.GetSpan(shift);
            buffer.Advance(shift);
        }

        var tail = WrittenFrom(start - 1);
        if (shift > 0) tail.Slice(1, length).CopyTo(tail[lengthSize..]);
        Varint.Encode(tail, (uint)length);
    }

    /// <summary>
    /// The same for a message that is likely so long that its length takes <paramref name="lengthBytes"/> bytes, which are set aside: if it
    /// does, nothing is moved. <see cref="EndMessage(int, int)"/> takes the mark with the same number.
    /// </summary>
    public int BeginMessage(uint tag, int lengthBytes)
    {
        var span = buffer.GetSpan(MaxTagSizeBytes + lengthBytes);
        buffer.Advance(Varint.Encode(span, tag) + lengthBytes);
        return buffer.Length;
    }

    /// <summary>
    /// Ends what <see cref="BeginMessage(uint, int)"/> began; moved is what turned out longer or shorter, so that the encoding is the
    /// shortest one.
    /// </summary>
    public void EndMessage(int start, int lengthBytes)
    {
        var length = buffer.Length - start;
        var shift = Varint.SizeBytes((uint)length) - lengthBytes;
        if (shift > 0)
        {
            buffer.GetSpan(shift);
            buffer.Advance(shift);
        }

        var tail = WrittenFrom(start - lengthBytes);
        if (shift != 0) tail.Slice(lengthBytes, length).CopyTo(tail[(lengthBytes + shift)..]);
        Varint.Encode(tail, (uint)length);
        if (shift < 0) buffer.Truncate(buffer.Length + shift);
    }

    // Safe: start lies within the written bytes, and the span is used up before the buffer can grow again.
    private unsafe Span<byte> WrittenFrom(int start) => new(buffer.Pointer + start, buffer.Length - start);
}
