using System.IO.Compression;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Receivers;

/// <summary>
/// Decompresses a whole body, to at most a limit and not one byte more. All encodings are strict: a stream that ends
/// early, has bytes after its end, or fails its checksum is refused.
/// <para>
/// The framework's gzip decoder does not tell a truncated stream from a whole one. But it goes on with a further member
/// when, and only when, the one before was whole. So a member of our own with known content is put behind the body: if
/// the output ends with that content, the body was whole; if not, it was cut short or followed by garbage.
/// </para>
/// </summary>
public static class BodyDecompressor
{
    /// <summary>
    /// What a body may come to without a place for large ones: as much as gRPC takes by default, so that senders who keep to
    /// that never wait. There are as many such bodies at once as the thread pool has threads.
    /// </summary>
    public const int SmallBytes = 4 << 20;

    private const int StepBytes = 64 * 1024;
    private static readonly byte[] EndMark = "tempo: end of the request body"u8.ToArray();
    private static readonly byte[] EndMember = Compress(EndMark);

    /// <summary>Content encodings, in the form of an Accept-Encoding header.</summary>
    public const string Supported = "gzip, zstd, zlib, deflate, snappy";

    /// <summary>
    /// Appends the decompressed body to <paramref name="target"/>, which is empty. A body of more than
    /// <see cref="SmallBytes"/> is begun again once it has one of the memory's places for large ones: few compressed bytes may
    /// stand for very many, and only the attempt tells.
    /// </summary>
    public static async ValueTask<BodyStatus> DecompressAsync(
        string encoding, RequestBody source, RequestBody target, int maxBytes, RequestMemory memory, CancellationToken cancellation)
    {
        var status = Decompress(encoding, source, target, Math.Min(maxBytes, SmallBytes));
        if (status != BodyStatus.TooLarge || maxBytes <= SmallBytes) return status;
        target.Buffer.Free();
        await memory.LargeDecompressions.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return Decompress(encoding, source, target, maxBytes);
        }
        finally
        {
            memory.LargeDecompressions.Release();
        }
    }

    /// <summary>
    /// Appends the decompressed body to <paramref name="target"/>, which is empty and asks its account before it grows.
    /// <paramref name="source"/> must have an account with room for a few bytes: gzip puts its end member behind it for the
    /// duration of the call.
    /// </summary>
    public static BodyStatus Decompress(string encoding, RequestBody source, RequestBody target, int maxBytes)
    {
        var sourceBytes = source.Buffer.Length;
        if (encoding == "gzip" && !source.TryAppend(EndMember)) return BodyStatus.Overloaded;
        DecompressStatus status;
        try
        {
            status = encoding switch
            {
                "gzip" => Gunzip(source.Buffer, target.Buffer, maxBytes),
                "zlib" or "deflate" => Inflate(source.Buffer, target.Buffer, maxBytes),
                "zstd" => Zstd.Decompress(source.Buffer.Written, target.Buffer, maxBytes),
                "snappy" => DecompressSnappy(source.Buffer.Written, target.Buffer, maxBytes),
                _ => (DecompressStatus)(-1),
            };
        }
        catch (DllNotFoundException)
        {
            return BodyStatus.UnknownEncoding;
        }
        catch (MemoryAccountFullException)
        {
            return BodyStatus.Overloaded;
        }
        finally
        {
            source.Buffer.Truncate(sourceBytes);
        }

        return status switch
        {
            DecompressStatus.Done => BodyStatus.Complete,
            DecompressStatus.TooLarge => BodyStatus.TooLarge,
            DecompressStatus.Malformed => BodyStatus.BadEncoding,
            _ => BodyStatus.UnknownEncoding,
        };
    }

    private static unsafe DecompressStatus Gunzip(NativeBuffer source, NativeBuffer target, int maxBytes)
    {
        // Safe: the stream is read to its end here, while the buffer is neither grown nor returned.
        using var memory = new UnmanagedMemoryStream(source.Pointer, source.Length);
        using var stream = new GZipStream(memory, CompressionMode.Decompress);
        var status = Drain(stream, target, maxBytes + EndMark.Length);
        if (status != DecompressStatus.Done) return status;
        if (!target.Written.EndsWith(EndMark)) return DecompressStatus.Malformed;
        var length = target.Length - EndMark.Length;
        target.Clear();
        target.Advance(length);
        return DecompressStatus.Done;
    }

    // HTTP's "deflate" is the zlib format (RFC 9110 §8.4.1.2); its last four bytes are the Adler-32 of the content.
    private static unsafe DecompressStatus Inflate(NativeBuffer source, NativeBuffer target, int maxBytes)
    {
        const int smallestBytes = 8;
        if (source.Length < smallestBytes) return DecompressStatus.Malformed;

        // Safe: as above.
        using var memory = new UnmanagedMemoryStream(source.Pointer, source.Length);
        using var stream = new ZLibStream(memory, CompressionMode.Decompress);
        var status = Drain(stream, target, maxBytes);
        if (status != DecompressStatus.Done) return status;
        var expected = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(source.Written[^4..]);
        return Adler32(target.Written) == expected ? DecompressStatus.Done : DecompressStatus.Malformed;
    }

    // Go's HTTP clients send the framed format, whose first chunk spells its name; others send one raw block.
    private static DecompressStatus DecompressSnappy(ReadOnlySpan<byte> source, NativeBuffer target, int maxBytes) =>
        source is [0xff, 0x06, 0x00, 0x00, ..] && source[4..].StartsWith("sNaPpY"u8)
            ? SnappyFrames.Decompress(source, target, maxBytes)
            : Snappy.Decompress(source, target, maxBytes);

    private static DecompressStatus Drain(Stream stream, NativeBuffer target, int maxBytes)
    {
        try
        {
            while (true)
            {
                // One byte more than may come tells a body of exactly the limit from a larger one.
                var left = maxBytes - target.Length;
                var span = target.GetSpan(Math.Min(StepBytes, left + 1));
                var read = stream.Read(span[..Math.Min(span.Length, left + 1)]);
                if (read == 0) return DecompressStatus.Done;
                if (read > left) return DecompressStatus.TooLarge;
                target.Advance(read);
            }
        }
        catch (InvalidDataException)
        {
            return DecompressStatus.Malformed;
        }
    }

    private static uint Adler32(ReadOnlySpan<byte> content)
    {
        const uint modulus = 65521;
        const int runBytes = 5552; // the most for which the sums stay below 2^32
        uint a = 1, b = 0;
        while (!content.IsEmpty)
        {
            var run = content[..Math.Min(runBytes, content.Length)];
            foreach (var value in run)
            {
                a += value;
                b += a;
            }

            a %= modulus;
            b %= modulus;
            content = content[run.Length..];
        }

        return b << 16 | a;
    }

    private static byte[] Compress(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest)) gzip.Write(content);
        return compressed.ToArray();
    }
}
