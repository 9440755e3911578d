using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Edge;

/// <summary>What the first bytes of a request are.</summary>
internal enum HeadKind
{
    /// <summary>It cannot be told yet.</summary>
    Incomplete,

    /// <summary>The whole head of a plain post.</summary>
    Plain,

    /// <summary>Anything else, whether a request or none: Kestrel's to judge.</summary>
    Other,
}

/// <summary>What the heads of the plain posts of a port look like.</summary>
/// <param name="path">Where they go.</param>
/// <param name="contentType">Of their bodies, in small letters.</param>
/// <param name="senderHeader">Name of the header that says who sends, in small letters.</param>
internal sealed class PostShape(string path, string contentType, string senderHeader)
{
    public string Path => path;

    /// <summary>With its line end.</summary>
    public byte[] RequestLine { get; } = Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\n");

    public byte[] ContentType { get; } = Encoding.ASCII.GetBytes(contentType);

    public byte[] SenderHeader { get; } = Encoding.ASCII.GetBytes(senderHeader);

    /// <summary>What every OTLP exporter sends without compression.</summary>
    public static PostShape Otlp(string path) => new(path, "application/x-protobuf", "x-scope-orgid");
}

/// <summary>
/// The head of a plain post (RFC 9112), as OTLP exporters send it without compression:
/// <code>
/// POST /v1/traces HTTP/1.1
/// Host: name, or name:port
/// Content-Length: 1 …
/// Content-Type: application/x-protobuf
/// any other header of ordinary characters that says nothing of how the message is framed, encoded or kept
/// </code>
/// Each, save the last, exactly once. It must never take for plain what Kestrel would refuse, or would read otherwise; what it does not
/// know for certain is <see cref="HeadKind.Other"/>, which costs time and nothing else.
/// </summary>
/// <param name="HeadBytes">Up to and with the empty line.</param>
/// <param name="BodyBytes">What Content-Length says, at least 1.</param>
/// <param name="SenderStart">Where the value of the header that says who sends stands in the head.</param>
/// <param name="SenderBytes">Its length; below zero if the header is not there.</param>
internal readonly record struct PostHead(int HeadBytes, int BodyBytes, int SenderStart, int SenderBytes)
{
    /// <summary>Those of exporters and proxies are a dozen.</summary>
    private const int MaxHeaders = 64;

    private const int MaxPortDigits = 5;
    private const int MaxLengthDigits = 9;

    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> HostBytes =
        SearchValues.Create("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Looks at the beginning of a request.</summary>
    /// <param name="bytes">What has come of it, and perhaps of what follows.</param>
    /// <param name="shape">Of plain posts.</param>
    /// <param name="head">Of a plain one.</param>
    public static HeadKind Read(ReadOnlySpan<byte> bytes, PostShape shape, out PostHead head)
    {
        head = default;
        ReadOnlySpan<byte> requestLine = shape.RequestLine;
        if (bytes.Length < requestLine.Length) return requestLine.StartsWith(bytes) ? HeadKind.Incomplete : HeadKind.Other;
        if (!bytes.StartsWith(requestLine)) return HeadKind.Other;
        var fields = new Fields(shape);
        var at = requestLine.Length;
        for (var count = 0; count <= MaxHeaders; count++)
        {
            var length = bytes[at..].IndexOf("\r\n"u8);
            if (length < 0) return HeadKind.Incomplete;
            if (length == 0)
            {
                if (!fields.IsPlain) return HeadKind.Other;
                head = new PostHead(at + 2, fields.BodyBytes, fields.SenderStart, fields.SenderBytes);
                return HeadKind.Plain;
            }

            if (!fields.TryAdd(bytes.Slice(at, length), at)) return HeadKind.Other;
            at += length + 2;
        }

        return HeadKind.Other;
    }

    private ref struct Fields(PostShape shape)
    {
        private bool _hasHost;
        private bool _hasType;

        public int BodyBytes { get; private set; }

        public int SenderStart { get; private set; }

        public int SenderBytes { get; private set; } = -1;

        public readonly bool IsPlain => _hasHost && _hasType && BodyBytes > 0;

        // False: not a plain post.
        public bool TryAdd(ReadOnlySpan<byte> line, int start)
        {
            var colon = line.IndexOf((byte)':');
            if (colon <= 0) return false;
            var name = line[..colon];
            if (name.ContainsAnyExcept(TokenBytes)) return false;
            var value = line[(colon + 1)..];
            if (value.ContainsAnyExceptInRange((byte)' ', (byte)'~')) return false; // a tab and text beyond ASCII are Kestrel's
            var leading = value.Length - value.TrimStart((byte)' ').Length;
            value = value.Trim((byte)' ');
            return Known(name, value, start + colon + 1 + leading);
        }

        private bool Known(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int valueStart)
        {
            if (Is(name, "host"u8)) return !_hasHost && (_hasHost = IsHost(value));
            if (Is(name, "content-length"u8)) return BodyBytes == 0 && TryReadLength(value);
            if (Is(name, "content-type"u8)) return !_hasType && (_hasType = Is(value, shape.ContentType));
            if (Is(name, "connection"u8)) return Is(value, "keep-alive"u8);
            if (Is(name, shape.SenderHeader)) return TryTakeSender(value, valueStart);
            return !(Is(name, "transfer-encoding"u8) || Is(name, "content-encoding"u8) || Is(name, "expect"u8) || Is(name, "upgrade"u8)
                || Is(name, "x-content-length"u8) || Is(name, "http2-settings"u8) || Is(name, "trailer"u8) || Is(name, "te"u8));
        }

        private bool TryReadLength(ReadOnlySpan<byte> value)
        {
            if (value.Length is 0 or > MaxLengthDigits || value.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;
            if (!Utf8Parser.TryParse(value, out int bytes, out _) || bytes == 0) return false;
            BodyBytes = bytes;
            return true;
        }

        private bool TryTakeSender(ReadOnlySpan<byte> value, int start)
        {
            if (SenderBytes >= 0) return false;
            (SenderStart, SenderBytes) = (start, value.Length);
            return true;
        }

        private static bool IsHost(ReadOnlySpan<byte> value)
        {
            var colon = value.IndexOf((byte)':');
            var port = colon < 0 ? [] : value[(colon + 1)..];
            if (colon >= 0 && (port.Length is 0 or > MaxPortDigits || port.ContainsAnyExceptInRange((byte)'0', (byte)'9'))) return false;
            var name = colon < 0 ? value : value[..colon];
            return name.Length > 0 && !name.ContainsAnyExcept(HostBytes);
        }

        private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower) =>
            text.Length == lower.Length && Ascii.EqualsIgnoreCase(text, lower);
    }
}
