using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>
/// The two delta encodings of byte strings (Encodings.md). DELTA_LENGTH_BYTE_ARRAY: all lengths (DELTA_BINARY_PACKED), then all
/// bytes. DELTA_BYTE_ARRAY: the length of the prefix shared with the string before, for all (DELTA_BINARY_PACKED), then the
/// remaining suffixes as DELTA_LENGTH_BYTE_ARRAY.
/// </summary>
internal static class DeltaByteArrayEncoder
{
    public static void EncodeLengths(ByteArrayValues values, ArrayBufferWriter<byte> output)
    {
        var lengths = ArrayPool<int>.Shared.Rent(values.Count);
        for (var i = 0; i < values.Count; i++) lengths[i] = values[i].Length;
        DeltaBinaryPackedEncoder.Encode(lengths.AsSpan(0, values.Count), output);
        ArrayPool<int>.Shared.Return(lengths);
        PlainEncoder.EncodeBytes(values, output);
    }

    public static void EncodePrefixes(ByteArrayValues values, ArrayBufferWriter<byte> output)
    {
        var count = values.Count;
        var prefixes = ArrayPool<int>.Shared.Rent(count);
        var suffixes = ArrayPool<int>.Shared.Rent(count);
        ReadOnlySpan<byte> previous = [];
        for (var i = 0; i < count; i++)
        {
            var value = values[i];
            prefixes[i] = value.CommonPrefixLength(previous);
            suffixes[i] = value.Length - prefixes[i];
            previous = value;
        }

        DeltaBinaryPackedEncoder.Encode(prefixes.AsSpan(0, count), output);
        DeltaBinaryPackedEncoder.Encode(suffixes.AsSpan(0, count), output);
        for (var i = 0; i < count; i++) output.Write(values[i][prefixes[i]..]);
        ArrayPool<int>.Shared.Return(prefixes);
        ArrayPool<int>.Shared.Return(suffixes);
    }
}
