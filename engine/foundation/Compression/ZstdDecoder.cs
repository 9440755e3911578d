using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Decodes a zstd stream piece by piece, with bounded memory: a frame that asks for a window beyond
/// 2^<see cref="Zstd.MaxWindowLog"/> bytes is malformed. Not thread safe.
/// </summary>
public sealed unsafe partial class ZstdDecoder : IDisposable
{
    private const int WindowLogMaxParameter = 100; // ZSTD_d_windowLogMax
    private const int OutputStepBytes = 64 * 1024;
    private nint _stream;

    public ZstdDecoder()
    {
        _stream = ZSTD_createDStream();
        if (_stream == 0) throw new InsufficientMemoryException("zstd stream");
        _ = ZSTD_DCtx_setParameter(_stream, WindowLogMaxParameter, Zstd.MaxWindowLog);
    }

    /// <summary>True before the first byte and whenever the bytes so far end a frame: only there may a stream end.</summary>
    public bool IsAtFrameEnd { get; private set; } = true;

    /// <summary>
    /// Decodes all of <paramref name="source"/>, appending to <paramref name="output"/> at most <paramref name="maxBytes"/> bytes
    /// in this call. <see cref="DecompressStatus.Done"/>: the piece is used up; see <see cref="IsAtFrameEnd"/>.
    /// </summary>
    public DecompressStatus Decode(ReadOnlySpan<byte> source, NativeBuffer output, int maxBytes)
    {
        ObjectDisposedException.ThrowIf(_stream == 0, this);
        var budget = maxBytes;
        // The spans are pinned or native for the whole loop; the library stays within the sizes of the two descriptors.
        fixed (byte* s = source)
        {
            var input = new Buffer { Pointer = s, Size = (nuint)source.Length };
            while (true)
            {
                // One byte more than the budget tells an output of exactly the limit from a larger one.
                var span = output.GetSpan((int)Math.Min(OutputStepBytes, budget + 1L));
                if (span.Length > budget + 1L) span = span[..(budget + 1)];
                fixed (byte* d = span)
                {
                    var target = new Buffer { Pointer = d, Size = (nuint)span.Length };
                    var result = ZSTD_decompressStream(_stream, &target, &input);
                    if (ZSTD_isError(result) != 0) return DecompressStatus.Malformed;
                    var written = (int)target.Position;
                    if (written > budget) return DecompressStatus.TooLarge;
                    output.Advance(written);
                    budget -= written;
                    if (written > 0 || input.Position > 0) IsAtFrameEnd = result == 0;
                    // Room left in the output means that nothing more is held back.
                    if (input.Position == input.Size && target.Position < target.Size) return DecompressStatus.Done;
                }
            }
        }
    }

    public void Dispose()
    {
        if (_stream != 0) _ = ZSTD_freeDStream(_stream);
        _stream = 0;
        GC.SuppressFinalize(this);
    }

    ~ZstdDecoder()
    {
        if (_stream != 0) _ = ZSTD_freeDStream(_stream);
    }

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: pointer, size, position.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public byte* Pointer;
        public nuint Size;
        public nuint Position;
    }

    private const string Library = "libzstd.so.1";

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDStream();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDStream(nint stream);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_DCtx_setParameter(nint stream, int parameter, int value);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(nint stream, Buffer* output, Buffer* input);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint result);
}
