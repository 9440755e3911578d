namespace Tempo.Engine.Parquet;

/// <summary>
/// Decodes BYTE_STREAM_SPLIT (Encodings.md): of n values of k bytes, first the n first bytes, then the n second bytes, and so on.
/// </summary>
internal static class ByteStreamSplitDecoder
{
    /// <summary>Puts the streams together; both spans hold the same whole number of values of <paramref name="widthBytes"/>.</summary>
    public static void Decode(ReadOnlySpan<byte> source, int widthBytes, Span<byte> destination)
    {
        var count = source.Length / widthBytes;
        for (var stream = 0; stream < widthBytes; stream++)
        {
            var bytes = source.Slice(stream * count, count);
            for (int i = 0, to = stream; i < bytes.Length; i++, to += widthBytes) destination[to] = bytes[i];
        }
    }
}
