using System.Buffers.Text;
using System.Text;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// The head of an answer to a push (RFC 9112), of which the status, the length and whether the connection goes on are of use.
/// </summary>
/// <param name="Status">200 to 599.</param>
/// <param name="HeadBytes">Up to and with the empty line.</param>
/// <param name="BodyBytes">What Content-Length says.</param>
/// <param name="MayGoOn">It does not say that the connection is closed.</param>
internal readonly record struct PushAnswerHead(int Status, int HeadBytes, int BodyBytes, bool MayGoOn)
{
    private const int MaxHeadBytes = 16 * 1024;
    private const int StatusDigits = 3;

    /// <summary>Outcomes of a batch: some bytes a record.</summary>
    private const int MaxBodyBytes = 64 << 20;

    /// <summary>
    /// False while the head is not whole. Throws <see cref="PeerException"/> for what is none, or has no length, or too great a one.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out PushAnswerHead head)
    {
        head = default;
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (Math.Max(end, 0) > MaxHeadBytes || end < 0 && bytes.Length > MaxHeadBytes + 3)
            throw new PeerException($"an answer begins with {bytes.Length} bytes of head");
        if (end < 0) return false;
        var lines = bytes[..end];
        var status = StatusOf(Next(ref lines));
        var (length, mayGoOn) = (-1, true);
        while (!lines.IsEmpty)
        {
            var line = Next(ref lines);
            var colon = line.IndexOf((byte)':');
            if (colon < 0) throw new PeerException("an answer has a header without a colon");
            var name = line[..colon];
            var value = line[(colon + 1)..].Trim(" \t"u8);
            if (Ascii.EqualsIgnoreCase(name, "content-length"u8))
                length = length < 0 ? LengthOf(value) : throw new PeerException("an answer has two lengths");
            else if (Ascii.EqualsIgnoreCase(name, "connection"u8)) mayGoOn &= !Ascii.EqualsIgnoreCase(value, "close"u8);
            else if (Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8)) throw new PeerException("an answer comes in chunks");
        }

        if (length < 0) throw new PeerException($"an answer with {status} has no length");
        head = new PushAnswerHead(status, end + 4, length, mayGoOn);
        return true;
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> lines)
    {
        var length = lines.IndexOf("\r\n"u8);
        var line = length < 0 ? lines : lines[..length];
        lines = length < 0 ? [] : lines[(length + 2)..];
        return line;
    }

    private static int StatusOf(ReadOnlySpan<byte> line)
    {
        var version = "HTTP/1.1 "u8;
        var isOne = line.StartsWith(version) && line.Length >= version.Length + StatusDigits;
        return isOne && Utf8Parser.TryParse(line.Slice(version.Length, StatusDigits), out int status, out var digits)
            && digits == StatusDigits && status is >= 200 and < 600
            ? status
            : throw new PeerException("what answers does not speak HTTP/1.1");
    }

    private static int LengthOf(ReadOnlySpan<byte> value) =>
        !value.IsEmpty && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9') && Utf8Parser.TryParse(value, out int length, out _)
            && length <= MaxBodyBytes
            ? length
            : throw new PeerException($"an answer says of its length: {Encoding.ASCII.GetString(value[..Math.Min(value.Length, 20)])}");
}
