using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>
/// The bytes of a tenant's queue on disk, all little-endian:
/// <code>
/// queue-%016x      a segment, allocated whole:  "TQS1" | u32 0 | u64 sequence | records… | zeros
/// record           "TQR1" | u32 payload length | u32 crc | u32 0 | i64 unix ms | u32 samples | u32 exemplars | u32 histograms | u32 0 |
///                  payload
///                  crc: CRC-32C of the record from "u32 0" on, payload included
///                  payload: a snappy block of a WriteRequest (remote write version 1)
/// sent-%016x       how far a target has come, two slots of 64 bytes, in sectors of their own, written in turn; the larger valid number
///                  counts:
///                  "TQP1" | u32 crc | u64 number | u64 segment | u64 offset | i64 unix ms of what was sent last
/// </code>
/// A segment ends at the first record that is not whole: files are never reused, so behind it is nothing.
/// </summary>
internal static class SendQueueFormat
{
    public const int SegmentHeaderBytes = 16, RecordHeaderBytes = 40, SlotBytes = 64, SlotDistanceBytes = 512;

    private const uint SegmentMagic = 0x31535154, RecordMagic = 0x31525154, PositionMagic = 0x31505154;
    private const int RecordCrcFrom = 12, PositionCrcFrom = 8, PositionBytes = 40;

    public static string SegmentName(ulong sequence) => $"queue-{sequence:x16}";

    public static bool TryParseSegmentName(string name, out ulong sequence)
    {
        sequence = 0;
        return name.StartsWith("queue-", StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(6), System.Globalization.NumberStyles.AllowHexSpecifier,
                System.Globalization.CultureInfo.InvariantCulture, out sequence);
    }

    public static void WriteSegmentHeader(Span<byte> header, ulong sequence)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, SegmentMagic);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], sequence);
    }

    public static bool IsSegment(ReadOnlySpan<byte> header, ulong sequence) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header) == SegmentMagic && BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) == sequence;

    public static void WriteRecordHeader(Span<byte> header, ReadOnlySpan<byte> payload, long unixMs, BatchCounts counts)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, RecordMagic);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], unixMs);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], counts.Samples);
        BinaryPrimitives.WriteInt32LittleEndian(header[28..], counts.Exemplars);
        BinaryPrimitives.WriteInt32LittleEndian(header[32..], counts.Histograms);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], RecordCrc(header, payload));
    }

    public const int MarkBytes = sizeof(uint);

    /// <summary>Where a record may begin; -1: nowhere.</summary>
    public static int IndexOfRecord(ReadOnlySpan<byte> bytes) => bytes.IndexOf("TQR1"u8);

    /// <summary>Reads a header; its payload may still be damaged (see <see cref="IsWhole"/>). False: no record.</summary>
    public static bool TryReadRecordHeader(
        ReadOnlySpan<byte> header, long bytesBehind, out int payloadBytes, out long unixMs, out BatchCounts counts)
    {
        payloadBytes = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        unixMs = BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
        counts = new BatchCounts(
            BinaryPrimitives.ReadInt32LittleEndian(header[24..]), BinaryPrimitives.ReadInt32LittleEndian(header[28..]),
            BinaryPrimitives.ReadInt32LittleEndian(header[32..]));
        return BinaryPrimitives.ReadUInt32LittleEndian(header) == RecordMagic && payloadBytes > 0 && payloadBytes <= bytesBehind;
    }

    public static bool IsWhole(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == RecordCrc(header, payload);

    public static void WritePosition(Span<byte> slot, ulong number, QueuePosition position)
    {
        slot.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(slot, PositionMagic);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], number);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[16..], position.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(slot[24..], position.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(slot[32..], position.UnixMs);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[4..], Crc32C.Compute(slot[PositionCrcFrom..PositionBytes]));
    }

    public static bool TryReadPosition(ReadOnlySpan<byte> slot, out ulong number, out QueuePosition position)
    {
        number = BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]);
        position = new QueuePosition(
            BinaryPrimitives.ReadUInt64LittleEndian(slot[16..]), BinaryPrimitives.ReadInt64LittleEndian(slot[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[32..]));
        return BinaryPrimitives.ReadUInt32LittleEndian(slot) == PositionMagic
            && BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]) == Crc32C.Compute(slot[PositionCrcFrom..PositionBytes]);
    }

    private static uint RecordCrc(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        Crc32C.Compute(payload, Crc32C.Compute(header[RecordCrcFrom..RecordHeaderBytes]));
}

/// <summary>A place in a queue: what lies before it was sent.</summary>
/// <param name="UnixMs">Time of the samples that were sent last.</param>
internal readonly record struct QueuePosition(ulong Segment, long Offset, long UnixMs);
