using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Parquet;

/// <summary>
/// PLAIN (Encodings.md): numbers little-endian, booleans as bits from the lowest up, byte arrays with a 4-byte length before each.
/// </summary>
internal static class PlainEncoder
{
    public static void Encode<T>(ReadOnlySpan<T> values, ArrayBufferWriter<byte> output)
        where T : unmanaged => output.Write(MemoryMarshal.AsBytes(values));

    /// <summary>One byte a value in (0 is false, anything else is true), one bit out.</summary>
    public static void EncodeBooleans(ReadOnlySpan<byte> values, ArrayBufferWriter<byte> output)
    {
        var length = (values.Length + 7) / 8;
        var destination = output.GetSpan(length)[..length];
        destination.Clear();
        var i = 0;
        for (; i + 32 <= values.Length; i += 32)
        {
            var isFalse = Vector256.Equals(Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)i), Vector256<byte>.Zero);
            BinaryPrimitives.WriteUInt32LittleEndian(destination[(i / 8)..], ~isFalse.ExtractMostSignificantBits());
        }

        for (; i < values.Length; i++)
        {
            if (values[i] != 0) destination[i / 8] |= (byte)(1 << (i % 8));
        }

        output.Advance(length);
    }

    public static void EncodeByteArrays(ByteArrayValues values, ArrayBufferWriter<byte> output)
    {
        var length = checked((int)(values.SizeBytes() + (4L * values.Count)));
        var destination = output.GetSpan(length)[..length];
        for (var i = 0; i < values.Count; i++)
        {
            var value = values[i];
            BinaryPrimitives.WriteInt32LittleEndian(destination, value.Length);
            CopyShort(value, destination[4..]);
            destination = destination[(4 + value.Length)..];
        }

        output.Advance(length);
    }

    /// <summary>The bare bytes one behind the other: FIXED_LEN_BYTE_ARRAY, and the tail of DELTA_LENGTH_BYTE_ARRAY.</summary>
    public static void EncodeBytes(ByteArrayValues values, ArrayBufferWriter<byte> output)
    {
        if (values.TryGetContiguous(out var bytes))
        {
            output.Write(bytes);
            return;
        }

        var length = checked((int)values.SizeBytes());
        var destination = output.GetSpan(length)[..length];
        for (var i = 0; i < values.Count; i++)
        {
            var value = values[i];
            CopyShort(value, destination);
            destination = destination[value.Length..];
        }

        output.Advance(length);
    }

    /// <summary>Ids are 8 or 16 bytes: a store each instead of a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyShort(ReadOnlySpan<byte> value, Span<byte> destination)
    {
        if (value.Length == 8) MemoryMarshal.Write(destination, MemoryMarshal.Read<ulong>(value));
        else value.CopyTo(destination);
    }
}
