using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>The snappy block format by libsnappy. For the framed stream format see <see cref="SnappyFrames"/>.</summary>
public static unsafe partial class Snappy
{
    /// <summary>
    /// The most that one compressed byte can stand for: a 3-byte copy element makes at most 64 bytes (rounded up).
    /// A claimed length beyond this is a lie, known before any memory is taken.
    /// </summary>
    public const int MaxRatio = 22;

    /// <summary>Bytes that always hold the compressed form of <paramref name="length"/> bytes.</summary>
    public static int MaxCompressedLength(int length) => checked((int)snappy_max_compressed_length((nuint)length));

    /// <summary>
    /// Compresses to one block; <paramref name="destination"/> holds at least <see cref="MaxCompressedLength"/>. Returns the bytes
    /// written.
    /// </summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var written = (nuint)destination.Length;
        // The spans are pinned for the call; the library gets their lengths and checks the capacity.
        fixed (byte* s = source, d = destination)
        {
            if (snappy_compress(s, (nuint)source.Length, d, &written) != 0)
                throw new ArgumentException("snappy: destination too small", nameof(destination));
        }

        return (int)written;
    }

    /// <summary>
    /// The uncompressed length that a block claims. False if the claim cannot be read or cannot be true for a block of this size.
    /// </summary>
    public static bool TryGetUncompressedLength(ReadOnlySpan<byte> source, out int length)
    {
        nuint claimed;
        length = 0;
        fixed (byte* s = source)
        {
            if (snappy_uncompressed_length(s, (nuint)source.Length, &claimed) != 0) return false;
        }

        if (claimed > (nuint)Math.Min((long)source.Length * MaxRatio, int.MaxValue)) return false;
        length = (int)claimed;
        return true;
    }

    /// <summary>Decompresses one block into at most <paramref name="destination"/>. False if it is malformed or does not fit.</summary>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        var length = (nuint)destination.Length;
        fixed (byte* s = source, d = destination)
        {
            var ok = snappy_uncompress(s, (nuint)source.Length, d, &length) == 0;
            written = ok ? (int)length : 0;
            return ok;
        }
    }

    /// <summary>Appends the decompressed block to <paramref name="output"/>, at most <paramref name="maxBytes"/> bytes.</summary>
    public static DecompressStatus Decompress(ReadOnlySpan<byte> source, NativeBuffer output, int maxBytes)
    {
        if (!TryGetUncompressedLength(source, out var length)) return DecompressStatus.Malformed;
        if (length > maxBytes) return DecompressStatus.TooLarge;
        if (!TryDecompress(source, output.GetSpan(length)[..length], out var written)) return DecompressStatus.Malformed;
        output.Advance(written);
        return DecompressStatus.Done;
    }

    private const string Library = "libsnappy.so.1";

    [LibraryImport(Library)]
    private static partial nuint snappy_max_compressed_length(nuint length);

    [LibraryImport(Library)]
    private static partial int snappy_compress(byte* source, nuint length, byte* destination, nuint* written);

    [LibraryImport(Library)]
    private static partial int snappy_uncompress(byte* source, nuint length, byte* destination, nuint* written);

    [LibraryImport(Library)]
    private static partial int snappy_uncompressed_length(byte* source, nuint length, nuint* result);
}
