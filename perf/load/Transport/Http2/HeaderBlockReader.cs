using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Tempo.Perf.Load.Transport.Http2;

/// <summary>
/// Takes the statuses out of a header block (HPACK, RFC 7541 §6). There is no dynamic table: the client's SETTINGS give it a size of 0,
/// so a reference into it is an error of the peer's.
/// </summary>
internal ref struct HeaderBlockReader(ReadOnlySpan<byte> block)
{
    private const int StaticTableSize = 61;
    private const int FirstStatusIndex = 8, LastStatusIndex = 14;
    private const int MaxTextBytes = 1024;

    private static readonly int[] IndexedStatuses = [200, 204, 206, 304, 400, 404, 500];

    private ReadOnlySpan<byte> _rest = block;

    /// <summary>When to come back, if the details of the status say so; else zero.</summary>
    public TimeSpan RetryAfter { get; private set; }

    /// <summary>Sets what the block holds and leaves alone what it does not.</summary>
    public void ReadStatuses(ref int httpStatus, ref int grpcStatus, ref string? grpcMessage)
    {
        Span<byte> name = stackalloc byte[MaxTextBytes];
        Span<byte> value = stackalloc byte[MaxTextBytes];
        while (_rest.Length > 0)
        {
            byte first = _rest[0];
            if (first >= 0x80)
            {
                int index = CheckIndex(ReadNumber(7));
                if (index is >= FirstStatusIndex and <= LastStatusIndex) httpStatus = IndexedStatuses[index - FirstStatusIndex];
                continue;
            }
            if ((first & 0xE0) == 0x20)
            {
                ReadNumber(5);
                continue;
            }
            int nameIndex = CheckIndex(ReadNumber((first & 0x40) != 0 ? 6 : 4));
            int nameLength = nameIndex == 0 ? ReadText(name) : 0;
            ReadOnlySpan<byte> text = value[..ReadText(value)];
            if (nameIndex is >= FirstStatusIndex and <= LastStatusIndex || name[..nameLength].SequenceEqual(":status"u8))
                httpStatus = ParseNumber(text);
            else if (name[..nameLength].SequenceEqual("grpc-status"u8))
                grpcStatus = ParseNumber(text);
            else if (name[..nameLength].SequenceEqual("grpc-message"u8))
                grpcMessage = Encoding.UTF8.GetString(text);
            else if (name[..nameLength].SequenceEqual("grpc-status-details-bin"u8))
                RetryAfter = ReadRetryAfter(text);
        }
    }

    // Base64, with or without its padding.
    private static TimeSpan ReadRetryAfter(ReadOnlySpan<byte> text)
    {
        Span<byte> padded = stackalloc byte[text.Length + 3];
        text.CopyTo(padded);
        padded[text.Length..].Fill((byte)'=');
        return Base64.DecodeFromUtf8InPlace(padded[..((text.Length + 3) / 4 * 4)], out int length) == OperationStatus.Done
            ? RetryInfo.DelayOf(padded[..length])
            : TimeSpan.Zero;
    }

    private static int CheckIndex(int index) => index <= StaticTableSize
        ? index
        : throw new TransportException($"The server's header block refers to entry {index} of a dynamic table whose size was set to 0.");

    private static int ParseNumber(ReadOnlySpan<byte> text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new TransportException($"The server sent the status '{Encoding.UTF8.GetString(text)}', which is no number.");

    private int ReadText(scoped Span<byte> destination)
    {
        if (_rest.Length == 0) throw Truncated();
        bool isHuffman = _rest[0] >= 0x80;
        int length = ReadNumber(7);
        if (length > _rest.Length) throw Truncated();
        ReadOnlySpan<byte> bytes = _rest[..length];
        _rest = _rest[length..];
        if (isHuffman)
        {
            int written = HuffmanText.Decode(bytes, destination);
            return written >= 0
                ? written
                : throw new TransportException("The server's header block holds bits that are not of HPACK's Huffman code.");
        }
        length = Math.Min(length, destination.Length);
        bytes[..length].CopyTo(destination);
        return length;
    }

    // RFC 7541 §5.1: the value, if it fits below the prefix's all-ones; else that plus groups of 7 bits, least first.
    private int ReadNumber(int prefixBits)
    {
        if (_rest.Length == 0) throw Truncated();
        int limit = (1 << prefixBits) - 1;
        int number = _rest[0] & limit;
        _rest = _rest[1..];
        if (number < limit) return number;
        for (int shift = 0; shift <= 21; shift += 7)
        {
            if (_rest.Length == 0) throw Truncated();
            byte next = _rest[0];
            _rest = _rest[1..];
            number += (next & 0x7F) << shift;
            if (next < 0x80) return number;
        }
        throw new TransportException("The server's header block holds a number above 2^28.");
    }

    private static TransportException Truncated() => new("The server's header block ends in the middle of a field.");
}
