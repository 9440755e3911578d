using System.Buffers;
using System.Buffers.Binary;

namespace Tempo.Host.Grpc;

/// <summary>
/// The five bytes in front of a gRPC message
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message):
/// <code>
/// 0        1                                   5
/// +--------+--------+--------+--------+--------+----------------
/// | 0 or 1 |    length, 32 bits, big-endian    | message …
/// +--------+--------+--------+--------+--------+----------------
/// </code>
/// The first byte says whether the message is compressed with the call's grpc-encoding.
/// </summary>
public readonly record struct GrpcFrame(byte Flag, uint LengthBytes)
{
    public const int HeaderSizeBytes = 5;

    public bool IsCompressed => Flag == 1;

    /// <summary>False while fewer than five bytes are there.</summary>
    public static bool TryRead(ReadOnlySequence<byte> input, out GrpcFrame frame)
    {
        frame = default;
        if (input.Length < HeaderSizeBytes) return false;
        Span<byte> header = stackalloc byte[HeaderSizeBytes];
        input.Slice(0, HeaderSizeBytes).CopyTo(header);
        frame = new GrpcFrame(header[0], BinaryPrimitives.ReadUInt32BigEndian(header[1..]));
        return true;
    }

    /// <summary>The header of an uncompressed message.</summary>
    public static void WriteHeader(Span<byte> destination, int lengthBytes)
    {
        destination[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)lengthBytes);
    }

    /// <summary>What is wrong with a frame of a call, before any of its message is read; null if nothing is.</summary>
    /// <param name="hasEncoding">The call named a grpc-encoding other than identity.</param>
    /// <param name="maxMessageBytes">Limit of the message on the wire; the limit after decompression is held while decompressing.</param>
    public GrpcStatus? Check(bool hasEncoding, int maxMessageBytes)
    {
        if (Flag > 1) return new GrpcStatus(GrpcStatusCode.Internal, $"grpc: invalid compressed flag {Flag}: must be 0 or 1");
        if (IsCompressed && !hasEncoding)
            return new GrpcStatus(GrpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding");
        return LengthBytes > (uint)maxMessageBytes ? TooLarge(LengthBytes, maxMessageBytes) : null;
    }

    /// <summary>Over the limit. Without RetryInfo, so that it is not tried again.</summary>
    public static GrpcStatus TooLarge(uint lengthBytes, int maxMessageBytes) =>
        new(GrpcStatusCode.ResourceExhausted, $"grpc: received message larger than max ({lengthBytes} vs. {maxMessageBytes})");
}
