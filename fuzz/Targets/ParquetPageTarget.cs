using System.Buffers.Binary;
using Tempo.Engine.Parquet;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The body of a page:
/// <code>
/// byte 0   modulo 12: levels, indexes, DELTA_BINARY_PACKED of 32 and 64 bits, DELTA_LENGTH, DELTA, PLAIN strings; from 7 on a codec
/// byte 1   levels and indexes: the width
/// u16le    values, or the bytes that a codec is to give
/// rest     the encoded bytes, flush against the fence
/// </code>
/// Holds: every decoder says yes or no, takes no more than there is, gives the same each time; levels are within their width; what a codec
/// gave comes back through it.
/// </summary>
internal sealed class ParquetPageTarget : IFuzzTarget
{
    private const int PrefixBytes = 4;
    private static readonly CompressionCodec[] Codecs =
        [CompressionCodec.Snappy, CompressionCodec.Gzip, CompressionCodec.Brotli, CompressionCodec.Zstd, CompressionCodec.Lz4Raw];

    public string Name => "parquet-page";

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0x28, 0xB5, 0x2F, 0xFD], [0x1F, 0x8B, 0x08, 0x00], [0x80, 0x01, 0x04],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x03, 0x88], [0xFE, 0xFF, 0xFF, 0x7F]];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length < PrefixBytes) return;
        var count = BinaryPrimitives.ReadUInt16LittleEndian(input[2..]);
        var first = Decode(input[0] % 12, input[1] % 34, count, input[PrefixBytes..]);
        Oracle.Holds(first.AsSpan().SequenceEqual(Decode(input[0] % 12, input[1] % 34, count, input[PrefixBytes..])),
            "the same bytes give the same values");
    }

    private static byte[] Decode(int kind, int width, int count, ReadOnlySpan<byte> bytes) => kind switch
    {
        0 => Levels(width, count, bytes),
        1 => Indexes(width, count, bytes),
        2 => Numbers<int>(count, bytes),
        3 => Numbers<long>(count, bytes),
        4 or 5 or 6 => Strings(kind, count, bytes),
        _ => Unpack(Codecs[kind - 7], count, bytes),
    };

    private static byte[] Levels(int maxLevel, int count, ReadOnlySpan<byte> bytes)
    {
        var levels = new byte[count];
        if (maxLevel is 0 or > 127 || !LevelDecoder.TryDecode(bytes, maxLevel, levels, out var consumed)) return [];
        Oracle.Holds(consumed >= 0 && consumed <= bytes.Length, "a decoder takes no more than there is");
        foreach (var level in levels) Oracle.Holds(level < 1 << BitWidth.Of(maxLevel), "a level fits its width");
        return levels;
    }

    private static byte[] Indexes(int width, int count, ReadOnlySpan<byte> bytes)
    {
        var indexes = new int[count];
        if (!RleBitPackedHybrid.TryDecode(bytes, width, indexes, out var consumed)) return [];
        Oracle.Holds(consumed >= 0 && consumed <= bytes.Length, "a decoder takes no more than there is");
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(indexes.AsSpan()).ToArray();
    }

    private static byte[] Numbers<T>(int count, ReadOnlySpan<byte> bytes)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        if (!DeltaBinaryPackedDecoder.CanHold(bytes, count)) return [];
        var values = new T[count];
        if (!DeltaBinaryPackedDecoder.TryDecode<T>(bytes, values, out var consumed)) return [];
        Oracle.Holds(consumed >= 0 && consumed <= bytes.Length, "a decoder takes no more than there is");
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    private static byte[] Strings(int kind, int count, ReadOnlySpan<byte> bytes)
    {
        var table = new ByteArrayTable();
        var isRead = kind switch
        {
            4 => DeltaByteArrayDecoder.TryDecodeLengths(bytes, count, 0, count, table),
            5 => DeltaByteArrayDecoder.TryDecodePrefixes(bytes, count, table),
            _ => PlainDecoder.TryDecodeByteArrays(bytes, 0, count, table),
        };
        if (!isRead) return [];
        Oracle.Holds(table.Count == count, "as many strings as were asked for");
        Oracle.Holds(kind == 5 || table.SizeBytes <= bytes.Length, "strings are no longer than the bytes they came from");
        return table.Bytes.ToArray();
    }

    private static byte[] Unpack(CompressionCodec codec, int length, ReadOnlySpan<byte> bytes)
    {
        var unpacked = new byte[length];
        if (!PageCompression.TryDecompress(codec, bytes, unpacked) || length == 0) return [];
        var packed = new byte[PageCompression.MaxCompressedLength(codec, length)];
        var packedLength = PageCompression.Compress(codec, 1, unpacked, packed);
        var again = new byte[length];
        Oracle.Holds(PageCompression.TryDecompress(codec, packed.AsSpan(0, packedLength), again) && again.AsSpan().SequenceEqual(unpacked),
            "what a codec gave comes back through it");
        return unpacked;
    }
}
