using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>Decodes PLAIN; see <see cref="PlainEncoder"/> for the layout.</summary>
internal static class PlainDecoder
{
    /// <summary>Bits from <paramref name="firstBit"/> on to one byte each; the source holds them all.</summary>
    public static void DecodeBooleans(ReadOnlySpan<byte> source, int firstBit, Span<byte> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var bit = firstBit + i;
            values[i] = (byte)((source[bit >> 3] >> (bit & 7)) & 1);
        }
    }

    /// <summary>
    /// Adds <paramref name="count"/> strings to the table after passing over <paramref name="skip"/>; false if a length passes the
    /// end of the source.
    /// </summary>
    public static bool TryDecodeByteArrays(ReadOnlySpan<byte> source, int skip, int count, ByteArrayTable table)
    {
        if ((long)skip + count > source.Length / 4) return false;
        for (; skip > 0; skip--)
        {
            if (!TryReadLength(source, out var length)) return false;
            source = source[(4 + length)..];
        }

        // The lengths take 4 bytes each, so the strings are at most the rest.
        if (source.Length < 4 * count) return false;
        var start = table.SizeBytes;
        table.Prepare(count, source.Length - (4 * count), out var endOffsets, out var bytes);
        var end = 0;
        for (var i = 0; i < endOffsets.Length; i++)
        {
            if (!TryReadLength(source, out var length) || length > bytes.Length - end) return false;
            source.Slice(4, length).CopyTo(bytes[end..]);
            end += length;
            endOffsets[i] = start + end;
            source = source[(4 + length)..];
        }

        table.Commit(count);
        return true;
    }

    /// <summary>Adds strings of one width that lie side by side; the source holds them exactly.</summary>
    public static void DecodeFixed(ReadOnlySpan<byte> source, int widthBytes, ByteArrayTable table)
    {
        var start = table.SizeBytes;
        table.Prepare(source.Length / widthBytes, source.Length, out var endOffsets, out var bytes);
        source.CopyTo(bytes);
        for (var i = 0; i < endOffsets.Length; i++) endOffsets[i] = start + ((i + 1) * widthBytes);
        table.Commit(endOffsets.Length);
    }

    /// <summary>FLOAT to DOUBLE; the source holds them exactly.</summary>
    public static void DecodeFloats(ReadOnlySpan<byte> source, Span<double> values)
    {
        var floats = MemoryMarshal.Cast<byte, float>(source);
        for (var i = 0; i < values.Length; i++) values[i] = floats[i];
    }

    private static bool TryReadLength(ReadOnlySpan<byte> source, out int length)
    {
        length = 0;
        if (source.Length < 4) return false;
        length = BinaryPrimitives.ReadInt32LittleEndian(source);
        return (uint)length <= (uint)(source.Length - 4);
    }
}
