using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// What a cache outside of this process gives back is believed only if it is what was put under this very name: 8 bytes stand before a
/// part, a mark and the CRC-32C of name and content.
/// </summary>
internal static class PartEnvelope
{
    private const uint Mark = 0x31435054; // "TPC1"

    /// <summary>Of what stands before a part.</summary>
    public const int HeaderBytes = 8;

    /// <summary>Largest part that is taken back, in bytes.</summary>
    public const int MaxBytes = (4 << 20) + HeaderBytes;

    /// <summary>What stands before this content under this name.</summary>
    public static byte[] HeaderOf(string name, ReadOnlySpan<byte> content)
    {
        var header = new byte[HeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), Checksum(name, content));
        return header;
    }

    /// <summary>The content, or null: damaged, another one's, or not ours at all.</summary>
    public static ReadOnlyMemory<byte>? TryOpen(string name, ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) != Mark) return null;
        var content = bytes[HeaderBytes..];
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[4..]) != Checksum(name, content.Span)) return null;
        return content;
    }

    private static uint Checksum(string name, ReadOnlySpan<byte> content) =>
        Crc32C.Compute(content, Crc32C.Compute(Encoding.UTF8.GetBytes(name)));
}
