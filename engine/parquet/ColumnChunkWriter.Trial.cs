namespace Tempo.Engine.Parquet;

// What values would take in a page's body, compressed as the chunk's pages are: for who chooses between encodings. Nothing is written.
public sealed partial class ColumnChunkWriter
{
    /// <summary>Compressed bytes of INT64 in DELTA_BINARY_PACKED encoding.</summary>
    public int TryDelta(ReadOnlySpan<long> values)
    {
        _page.ResetWrittenCount();
        DeltaBinaryPackedEncoder.Encode(values, _page);
        return CompressedBodyBytes();
    }

    /// <summary>Compressed bytes of INT64 in PLAIN encoding.</summary>
    public int TryPlain(ReadOnlySpan<long> values) => TryPlain(values, CompressionLevel);

    /// <summary>The same of entries of the dictionary.</summary>
    public int TryDictionary(ReadOnlySpan<long> entries) => TryPlain(entries, DictionaryLevel);

    /// <summary>Compressed bytes of dictionary indices.</summary>
    public int TryDictionaryIndices(ReadOnlySpan<int> indices, int bitWidth)
    {
        _page.ResetWrittenCount();
        RleBitPackedHybrid.Encode(indices, bitWidth, _page);
        return CompressedBodyBytes();
    }

    private int TryPlain(ReadOnlySpan<long> values, int level)
    {
        _page.ResetWrittenCount();
        PlainEncoder.Encode(values, _page);
        return CompressedBodyBytes(level);
    }

    private int CompressedBodyBytes() => CompressedBodyBytes(CompressionLevel);

    private int CompressedBodyBytes(int level)
    {
        var body = _page.WrittenSpan;
        return PageCompression.Compress(
            _options.Codec, level, body, _memory.Scratch(PageCompression.MaxCompressedLength(_options.Codec, body.Length)));
    }
}
