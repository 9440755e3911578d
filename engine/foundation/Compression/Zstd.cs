using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Zstandard by libzstd (1.4 or newer): one call compresses or decompresses one frame. Frames are written with their content
/// size and without checksum. Native contexts of decompression are kept per thread and freed with it; those of compression are lent.
/// </summary>
public static unsafe partial class Zstd
{
    /// <summary>
    /// The most that one compressed byte can stand for: a block holds at most 128 KiB and takes at least 4 bytes.
    /// A claimed size beyond this is a lie, known before any memory is taken.
    /// </summary>
    public const int MaxRatio = 128 * 1024 / 4;

    /// <summary>Largest window a streamed frame may ask for: 2^23 = 8 MiB, the bound RFC 8878 recommends for decoders.</summary>
    public const int MaxWindowLog = 23;

    // Idle contexts for compression. A thread needs one for as long as a page takes, and each has up to 2 MiB of tables: kept per thread,
    // every thread of the pool that has ever written a page would hold one. Those for small sources are others: the library gives a
    // context's memory back after 128 sources that would do with a third of it, and of a block's columns most are small, so that each cut
    // mapped, touched and unmapped megabytes anew.
    private static readonly CompressionContext?[] s_compressionOfSmall = new CompressionContext?[Environment.ProcessorCount + 1];
    private static readonly CompressionContext?[] s_compression = new CompressionContext?[Environment.ProcessorCount + 1];

    // With a source beyond it every level takes more than a third of what levels up to 3 take with the largest.
    private const int MaxSmallBytes = 64 << 10;

    private const int ResetSession = 1; // ZSTD_reset_session_only

    [ThreadStatic]
    private static DecompressionContext? t_decompression;

    [ThreadStatic]
    private static DecompressionContext? t_front;

    /// <summary>
    /// Version of the library that is loaded, as major * 10000 + minor * 100 + patch. Throws <see cref="DllNotFoundException"/>
    /// without it.
    /// </summary>
    public static int Version => (int)ZSTD_versionNumber();

    /// <summary>Bytes that always hold the compressed form of <paramref name="length"/> bytes.</summary>
    public static int MaxCompressedLength(int length) => checked((int)ZSTD_compressBound((nuint)length));

    /// <summary>
    /// Compresses <paramref name="source"/> to one frame. <paramref name="destination"/> holds at least
    /// <see cref="MaxCompressedLength"/>; returns the bytes written.
    /// </summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination, int level)
    {
        var idle = source.Length <= MaxSmallBytes ? s_compressionOfSmall : s_compression;
        var context = RentCompression(idle);
        nuint result;
        // The spans are pinned for the call and their own lengths are passed.
        fixed (byte* s = source, d = destination)
            result = ZSTD_compressCCtx(context.Handle, d, (nuint)destination.Length, s, (nuint)source.Length, level);
        ReturnCompression(idle, context);
        return ZSTD_isError(result) != 0 ? throw new ArgumentException("zstd: destination too small", nameof(destination)) : (int)result;
    }

    private static CompressionContext RentCompression(CompressionContext?[] idle)
    {
        foreach (ref var slot in idle.AsSpan())
            if (Interlocked.Exchange(ref slot, null) is { } context)
                return context;
        return new CompressionContext();
    }

    private static void ReturnCompression(CompressionContext?[] idle, CompressionContext context)
    {
        foreach (ref var slot in idle.AsSpan())
            if (Interlocked.CompareExchange(ref slot, context, null) is null)
                return;
        context.Dispose();
    }

    /// <summary>
    /// Decompresses frames that together fill at most <paramref name="destination"/>. False if the input is malformed or does not
    /// fit.
    /// </summary>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        var context = t_decompression ??= new DecompressionContext();
        fixed (byte* s = source, d = destination)
        {
            var result = ZSTD_decompressDCtx(context.Handle, d, (nuint)destination.Length, s, (nuint)source.Length);
            var failed = ZSTD_isError(result) != 0;
            written = failed ? 0 : (int)result;
            return !failed;
        }
    }

    /// <summary>
    /// Decompresses the front of one frame, of which <paramref name="destination"/> holds the whole content, until at least
    /// <paramref name="wanted"/> bytes of it are there; then, with the same arguments and more wanted, goes on where it stopped. A frame
    /// comes in pieces of up to 128 KiB, so what lies behind the piece that is wanted costs nothing. Between two calls for a frame the
    /// thread begins no other. False if the input is malformed, or its content is not that long.
    /// </summary>
    public static bool TryDecompressFront(ReadOnlySpan<byte> source, Span<byte> destination, int wanted, ref ZstdFront front)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wanted, destination.Length);
        var context = t_front ??= new DecompressionContext();
        fixed (byte* s = source, d = destination)
        {
            if (!front.IsBegun)
            {
                // The library takes memory for the content that the frame claims: no more than the caller has for it.
                if (ZSTD_getFrameContentSize(s, (nuint)source.Length) != (ulong)destination.Length) return false;
                _ = ZSTD_DCtx_reset(context.Handle, ResetSession);
                front.IsBegun = true;
            }

            var input = new StreamBuffer { Pointer = s, Size = (nuint)source.Length, Position = (nuint)front.ReadBytes };
            var output = new StreamBuffer { Pointer = d, Size = (nuint)wanted, Position = (nuint)front.WrittenBytes };
            while (output.Position < output.Size)
            {
                var before = (input.Position, output.Position);
                if (ZSTD_isError(ZSTD_decompressStream(context.Handle, &output, &input)) != 0) return false;
                if (before == (input.Position, output.Position)) return false;
            }

            (front.ReadBytes, front.WrittenBytes) = ((int)input.Position, (int)output.Position);
            return true;
        }
    }

    /// <summary>
    /// Appends the decompressed form of <paramref name="source"/> to <paramref name="output"/>, which grows with what is really
    /// produced and never beyond <paramref name="maxBytes"/> more than it held.
    /// </summary>
    public static DecompressStatus Decompress(ReadOnlySpan<byte> source, NativeBuffer output, int maxBytes)
    {
        using var decoder = new ZstdDecoder();
        return decoder.Decode(source, output, maxBytes) switch
        {
            DecompressStatus.Done => decoder.IsAtFrameEnd ? DecompressStatus.Done : DecompressStatus.Malformed,
            var status => status,
        };
    }

    // Idle ones stay for good, so none is left to a finalizer.
    private sealed class CompressionContext : IDisposable
    {
        internal readonly nint Handle =
            ZSTD_createCCtx() is var h and not 0 ? h : throw new InsufficientMemoryException("zstd compression context");

        public void Dispose() => _ = ZSTD_freeCCtx(Handle);
    }

    private sealed class DecompressionContext
    {
        internal readonly nint Handle =
            ZSTD_createDCtx() is var h and not 0 ? h : throw new InsufficientMemoryException("zstd decompression context");

        ~DecompressionContext() => _ = ZSTD_freeDCtx(Handle);
    }

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: pointer, size, position.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct StreamBuffer
    {
        public byte* Pointer;
        public nuint Size;
        public nuint Position;
    }

    // The soname itself: loads dynamically without a resolver, and links statically in Native AOT by DirectPInvoke.
    private const string Library = "libzstd.so.1";

    [LibraryImport(Library)]
    private static partial uint ZSTD_versionNumber();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressBound(nuint length);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint result);

    [LibraryImport(Library)]
    private static partial nint ZSTD_createCCtx();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeCCtx(nint context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressCCtx(nint context, byte* destination, nuint capacity, byte* source, nuint length, int level);

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDCtx();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDCtx(nint context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressDCtx(nint context, byte* destination, nuint capacity, byte* source, nuint length);

    [LibraryImport(Library)]
    private static partial ulong ZSTD_getFrameContentSize(byte* source, nuint length);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_DCtx_reset(nint context, int directive);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(nint context, StreamBuffer* output, StreamBuffer* input);
}

/// <summary>How far the front of a frame has been decompressed; begins as <c>default</c>.</summary>
public struct ZstdFront
{
    internal bool IsBegun;
    internal int ReadBytes;

    /// <summary>Bytes of the content that are there.</summary>
    public int WrittenBytes { get; internal set; }
}
