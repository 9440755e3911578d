using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>The LZ4 block format (no frame) by liblz4: the caller keeps the uncompressed length.</summary>
public static unsafe partial class Lz4
{
    /// <summary>The most that one compressed byte can stand for: a length byte of 255.</summary>
    public const int MaxRatio = 255;

    /// <summary>
    /// Version of the library that is loaded, as major * 10000 + minor * 100 + patch. Throws <see cref="DllNotFoundException"/>
    /// without it.
    /// </summary>
    public static int Version => LZ4_versionNumber();

    /// <summary>
    /// Bytes that always hold the compressed form of <paramref name="length"/> bytes; 0 if that is too long for the format.
    /// </summary>
    public static int MaxCompressedLength(int length) => LZ4_compressBound(length);

    /// <summary>
    /// Compresses to one block; <paramref name="destination"/> holds at least <see cref="MaxCompressedLength"/>. Returns the bytes
    /// written.
    /// </summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        // The spans are pinned for the call and their own lengths are passed.
        fixed (byte* s = source, d = destination)
        {
            var written = LZ4_compress_default(s, d, source.Length, destination.Length);
            return written > 0 ? written : throw new ArgumentException("lz4: destination too small", nameof(destination));
        }
    }

    /// <summary>Decompresses one block into at most <paramref name="destination"/>. False if it is malformed or does not fit.</summary>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        fixed (byte* s = source, d = destination)
        {
            var result = LZ4_decompress_safe(s, d, source.Length, destination.Length);
            written = Math.Max(result, 0);
            return result >= 0;
        }
    }

    private const string Library = "liblz4.so.1";

    [LibraryImport(Library)]
    private static partial int LZ4_versionNumber();

    [LibraryImport(Library)]
    private static partial int LZ4_compressBound(int length);

    [LibraryImport(Library)]
    private static partial int LZ4_compress_default(byte* source, byte* destination, int length, int capacity);

    [LibraryImport(Library)]
    private static partial int LZ4_decompress_safe(byte* source, byte* destination, int length, int capacity);
}
