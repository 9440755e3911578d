using System.Buffers.Binary;
using System.Numerics;

namespace Tempo.Engine.Foundation;

/// <summary>
/// The framed snappy stream (framing_format.txt of google/snappy): chunks of
/// <code>type u8 | length u24 LE | body</code>
/// where 0xFF is the stream identifier "sNaPpY", 0x00 a compressed and 0x01 a plain chunk (both with a masked CRC-32C before the data),
/// 0x80 to 0xFE may be skipped and 0x02 to 0x7F may not.
/// </summary>
public static class SnappyFrames
{
    private const int MaxChunkDataBytes = 65536;
    private const uint ChecksumMask = 0xA282EAD8;
    private static ReadOnlySpan<byte> Identifier => "sNaPpY"u8;

    /// <summary>Appends the decompressed stream to <paramref name="output"/>, at most <paramref name="maxBytes"/> bytes.</summary>
    public static DecompressStatus Decompress(ReadOnlySpan<byte> source, NativeBuffer output, int maxBytes)
    {
        var start = output.Length;
        var first = true;
        while (source.Length > 0)
        {
            if (source.Length < 4) return DecompressStatus.Malformed;
            var type = source[0];
            var length = source[1] | (source[2] << 8) | (source[3] << 16);
            if (length > source.Length - 4) return DecompressStatus.Malformed;
            var body = source.Slice(4, length);
            source = source[(4 + length)..];
            if (first && type != 0xFF) return DecompressStatus.Malformed;
            first = false;
            var status = type switch
            {
                0x00 or 0x01 => Append(body, type == 0x00, output, maxBytes - (output.Length - start)),
                0xFF => body.SequenceEqual(Identifier) ? DecompressStatus.Done : DecompressStatus.Malformed,
                >= 0x80 => DecompressStatus.Done,
                _ => DecompressStatus.Malformed,
            };
            if (status != DecompressStatus.Done) return status;
        }

        return DecompressStatus.Done;
    }

    private static DecompressStatus Append(ReadOnlySpan<byte> body, bool compressed, NativeBuffer output, int maxBytes)
    {
        if (body.Length < 4) return DecompressStatus.Malformed;
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(body);
        var data = body[4..];
        var before = output.Length;
        if (compressed)
        {
            if (!Snappy.TryGetUncompressedLength(data, out var length) || length > MaxChunkDataBytes) return DecompressStatus.Malformed;
            var status = Snappy.Decompress(data, output, maxBytes);
            if (status != DecompressStatus.Done) return status;
        }
        else
        {
            if (data.Length > MaxChunkDataBytes) return DecompressStatus.Malformed;
            if (data.Length > maxBytes) return DecompressStatus.TooLarge;
            output.Append(data);
        }

        return Mask(Crc32C.Compute(output.Written[before..])) == checksum ? DecompressStatus.Done : DecompressStatus.Malformed;
    }

    private static uint Mask(uint crc) => BitOperations.RotateRight(crc, 15) + ChecksumMask;
}
