using System.Buffers.Text;
using System.Text;

namespace Tempo.Perf.Load.Transport;

/// <summary>
/// A whole HTTP/1.1 response at the start of a buffer. A body is delimited by Content-Length or by chunks (its first chunk is kept).
/// </summary>
internal readonly ref struct Http1Response
{
    public required int Status { get; init; }

    /// <summary>Bytes of the buffer that belong to this response.</summary>
    public required int ByteCount { get; init; }

    public required ReadOnlySpan<byte> Body { get; init; }

    /// <summary>The server closes the connection after this response.</summary>
    public required bool Closes { get; init; }

    /// <summary>Of the header Retry-After, in seconds; zero without one.</summary>
    public required TimeSpan RetryAfter { get; init; }

    public bool IsSuccess => Status is >= 200 and < 300;

    /// <summary>False while the response is not complete; throws <see cref="TransportException"/> when it is none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Http1Response response)
    {
        response = default;
        int headEnd = bytes.IndexOf("\r\n\r\n"u8);
        if (headEnd < 0) return false;
        ReadOnlySpan<byte> head = bytes[..headEnd];
        if (!head.StartsWith("HTTP/1."u8) || head.Length < 12 || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out _))
            throw new TransportException(
                $"The server's answer starts with '{Encoding.ASCII.GetString(head[..Math.Min(head.Length, 40)])}', which is not HTTP/1.1.");

        ReadOnlySpan<byte> rest = bytes[(headEnd + 4)..];
        ReadOnlySpan<byte> body = default;
        int bodyBytes = 0;
        if (Header(head, "transfer-encoding"u8).SequenceEqual("chunked"u8))
        {
            if (!TryReadChunks(rest, out body, out bodyBytes)) return false;
        }
        else if (Utf8Parser.TryParse(Header(head, "content-length"u8), out bodyBytes, out _))
        {
            if (bodyBytes < 0 || rest.Length < bodyBytes) return false;
            body = rest[..bodyBytes];
        }
        response = new Http1Response
        {
            Status = status,
            ByteCount = headEnd + 4 + bodyBytes,
            Body = body,
            RetryAfter = Utf8Parser.TryParse(Header(head, "retry-after"u8), out int seconds, out _)
                ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 3600))
                : TimeSpan.Zero,
            Closes = Ascii.EqualsIgnoreCase(Header(head, "connection"u8), "close"u8),
        };
        return true;
    }

    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        foreach (Range range in head.Split("\r\n"u8))
        {
            ReadOnlySpan<byte> line = head[range];
            int colon = line.IndexOf((byte)':');
            if (colon == name.Length && Ascii.EqualsIgnoreCase(line[..colon], name))
            {
                ReadOnlySpan<byte> value = line[(colon + 1)..];
                return value[Ascii.Trim(value)];
            }
        }
        return default;
    }

    // Each chunk: its size in hex, CRLF, that many bytes, CRLF; the last has size 0 (no trailers are expected).
    private static bool TryReadChunks(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> firstChunk, out int byteCount)
    {
        firstChunk = default;
        byteCount = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = bytes[byteCount..];
            int lineEnd = rest.IndexOf("\r\n"u8);
            if (lineEnd < 0) return false;
            if (!Utf8Parser.TryParse(rest[..lineEnd], out int size, out _, 'x') || size < 0)
                throw new TransportException("The server's chunk has no size.");
            if (rest.Length - lineEnd - 4 < size) return false;
            if (firstChunk.IsEmpty) firstChunk = rest.Slice(lineEnd + 2, size);
            byteCount += lineEnd + 2 + size + 2;
            if (size == 0) return true;
        }
    }
}
