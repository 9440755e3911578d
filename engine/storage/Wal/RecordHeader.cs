using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The head of a record, little endian; the record begins at a multiple of 8:
/// <code>
///  0  mark            8  the segment's: what the search after damage looks for
///  8  sequence        8  ascending within the generation
/// 16  payload length  4  1 to 64 MiB
/// 20  payload CRC     4  CRC-32C of the payload
/// 24  acknowledged    4  the bytes of this segment before this offset were acknowledged when the record was written
/// 28  tenant length   4  1 to 150
/// 32  header CRC      4  CRC-32C of bytes 0 to 31 and of the tenant with its padding, seeded as below
/// 36  tenant             ASCII, then zeros to a multiple of 8
///     payload            then zeros to a multiple of 8
/// </code>
/// The seed of the header CRC is the CRC-32C of generation, index and offset. So a record that was written for another
/// place, another segment or an earlier life of a recycled file does not verify, whatever its bytes. The payload CRC
/// needs no seed: it is computed where the segment is not known yet, and it is a true header that vouches for it.
/// </summary>
internal readonly record struct RecordHeader(ulong Sequence, int PayloadBytes, uint PayloadCrc, uint AcknowledgedBytes, int TenantBytes)
{
    private const int FixedBytes = 36;
    private const int CrcOffset = 32;

    /// <summary>The longest header there is.</summary>
    public const int MaxBytes = (FixedBytes + TenantId.MaxLength + WalFormat.Alignment - 1) & -WalFormat.Alignment;

    /// <summary>The shortest record there is.</summary>
    public const int MinRecordBytes = 48;

    /// <summary>Where the payload begins, from the record's own beginning.</summary>
    public int PayloadOffset => WalFormat.Align(FixedBytes + TenantBytes);

    /// <summary>The whole record with its padding.</summary>
    public int RecordBytes => PayloadOffset + WalFormat.Align(PayloadBytes);

    /// <summary>Writes the header and the tenant; the result is <see cref="PayloadOffset"/> bytes long.</summary>
    public void Write(Span<byte> destination, string tenant, in SegmentKey key, long offset)
    {
        destination = destination[..PayloadOffset];
        destination.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(destination, key.Mark);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Sequence);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], PayloadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], PayloadCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], AcknowledgedBytes);
        BinaryPrimitives.WriteInt32LittleEndian(destination[28..], TenantBytes);
        Encoding.ASCII.GetBytes(tenant, destination[FixedBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[CrcOffset..], ComputeCrc(destination, key, offset));
    }

    /// <summary>
    /// The header at <paramref name="source"/>'s start, if there is one that verifies for this place and fits into
    /// <paramref name="availableBytes"/> (from its start to the end of the file).
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, long availableBytes, in SegmentKey key, long offset, out RecordHeader header)
    {
        header = default;
        if (source.Length < MinRecordBytes || BinaryPrimitives.ReadUInt64LittleEndian(source) != key.Mark) return false;
        var read = new RecordHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[28..]));
        if (read.PayloadBytes is < 1 or > WalFormat.MaxPayloadBytes || read.TenantBytes is < 1 or > TenantId.MaxLength) return false;
        if (read.PayloadOffset > source.Length || read.PayloadOffset + read.PayloadBytes > availableBytes) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[CrcOffset..]) != ComputeCrc(source[..read.PayloadOffset], key, offset))
            return false;
        header = read;
        return true;
    }

    /// <summary>The tenant's bytes in a header that was read from <paramref name="source"/>.</summary>
    public ReadOnlySpan<byte> Tenant(ReadOnlySpan<byte> source) => source.Slice(FixedBytes, TenantBytes);

    private static uint ComputeCrc(ReadOnlySpan<byte> header, in SegmentKey key, long offset)
    {
        Span<byte> place = stackalloc byte[20];
        BinaryPrimitives.WriteUInt64LittleEndian(place, key.Generation);
        BinaryPrimitives.WriteUInt32LittleEndian(place[8..], key.Index);
        BinaryPrimitives.WriteInt64LittleEndian(place[12..], offset);
        var seed = Crc32C.Compute(place);
        return Crc32C.Compute(header[FixedBytes..], Crc32C.Compute(header[..CrcOffset], seed));
    }
}
