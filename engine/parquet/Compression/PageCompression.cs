using System.IO.Compression;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Parquet;

/// <summary>Compresses and decompresses pages by the codecs of the format. LZO and the old framed LZ4 are not supported.</summary>
internal static class PageCompression
{
    private const int DeflateMaxRatio = 1032;

    // Brotli has no bound of its own worth the name (16 MiB of zeros take 14 bytes), so these are ours.
    private const int BrotliMaxRatio = 1 << 16;
    private const int BrotliFreeBytes = 16 << 20;

    public static bool IsSupported(CompressionCodec codec) => codec
        is CompressionCodec.Uncompressed or CompressionCodec.Snappy or CompressionCodec.Gzip
        or CompressionCodec.Brotli or CompressionCodec.Zstd or CompressionCodec.Lz4Raw;

    /// <summary>Bytes that always hold the compressed form.</summary>
    public static int MaxCompressedLength(CompressionCodec codec, int length) => codec switch
    {
        CompressionCodec.Snappy => Snappy.MaxCompressedLength(length),
        CompressionCodec.Zstd => Zstd.MaxCompressedLength(length),
        CompressionCodec.Lz4Raw => Lz4.MaxCompressedLength(length),
        CompressionCodec.Brotli => BrotliEncoder.GetMaxCompressedLength(length),
        // Stored deflate blocks: 5 bytes for at least 16 KiB, and 18 around.
        CompressionCodec.Gzip => length + (length / 1024) + 64,
        _ => length,
    };

    /// <summary>
    /// The largest uncompressed length that <paramref name="compressedLength"/> bytes can stand for. Checked before any memory is
    /// taken for a claimed length.
    /// </summary>
    public static long MaxUncompressedLength(CompressionCodec codec, int compressedLength) => codec switch
    {
        CompressionCodec.Snappy => (long)compressedLength * Snappy.MaxRatio,
        CompressionCodec.Zstd => (long)compressedLength * Zstd.MaxRatio,
        CompressionCodec.Lz4Raw => (long)compressedLength * Lz4.MaxRatio,
        CompressionCodec.Gzip => (long)compressedLength * DeflateMaxRatio,
        CompressionCodec.Brotli => ((long)compressedLength * BrotliMaxRatio) + BrotliFreeBytes,
        _ => compressedLength,
    };

    public static int Compress(CompressionCodec codec, int level, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        switch (codec)
        {
            case CompressionCodec.Uncompressed:
                source.CopyTo(destination);
                return source.Length;
            case CompressionCodec.Snappy:
                return Snappy.Compress(source, destination);
            case CompressionCodec.Zstd:
                return Zstd.Compress(source, destination, level);
            case CompressionCodec.Lz4Raw:
                return Lz4.Compress(source, destination);
            case CompressionCodec.Gzip:
                return CompressGzip(level, source, destination);
            case CompressionCodec.Brotli:
                return BrotliEncoder.TryCompress(source, destination, out var written, Math.Clamp(level, 0, 11), 22)
                    ? written
                    : throw new ArgumentException("brotli: destination too small", nameof(destination));
            default:
                throw new NotSupportedException($"Pages cannot be compressed by {codec}.");
        }
    }

    /// <summary>Fills <paramref name="destination"/> exactly; false if the input is malformed or gives another length.</summary>
    public static bool TryDecompress(CompressionCodec codec, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        int written;
        switch (codec)
        {
            case CompressionCodec.Uncompressed:
                if (source.Length != destination.Length) return false;
                source.CopyTo(destination);
                return true;
            case CompressionCodec.Snappy:
                return Snappy.TryDecompress(source, destination, out written) && written == destination.Length;
            case CompressionCodec.Zstd:
                return Zstd.TryDecompress(source, destination, out written) && written == destination.Length;
            case CompressionCodec.Lz4Raw:
                return Lz4.TryDecompress(source, destination, out written) && written == destination.Length;
            case CompressionCodec.Gzip:
                return TryDecompressGzip(source, destination);
            case CompressionCodec.Brotli:
                return BrotliDecoder.TryDecompress(source, destination, out written) && written == destination.Length;
            default:
                return false;
        }
    }

    private static unsafe int CompressGzip(int level, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        // The span stays pinned while the stream over it is alive, and the stream cannot pass its length.
        fixed (byte* d = destination)
        {
            using var target = new UnmanagedMemoryStream(d, 0, destination.Length, FileAccess.Write);
            var options = new ZLibCompressionOptions { CompressionLevel = Math.Clamp(level, 0, 9) };
            using (var gzip = new GZipStream(target, options, leaveOpen: true)) gzip.Write(source);
            return (int)target.Position;
        }
    }

    private static unsafe bool TryDecompressGzip(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (source.IsEmpty) return false;
        // The span stays pinned while the stream over it is alive, and the stream cannot pass its length.
        fixed (byte* s = source)
        {
            using var input = new UnmanagedMemoryStream(s, source.Length);
            using var gzip = new GZipStream(input, CompressionMode.Decompress);
            try
            {
                Span<byte> beyond = stackalloc byte[1];
                return gzip.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) == destination.Length
                    && gzip.Read(beyond) == 0;
            }
            catch (InvalidDataException)
            {
                return false;
            }
        }
    }
}
