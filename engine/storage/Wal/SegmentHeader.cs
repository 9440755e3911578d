using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The head of a segment file, little endian, in a block of <see cref="WalFormat.RecordsOffset"/> bytes whose rest is zero:
/// <code>
///  0  magic                 8  "TEMPOWAL"
///  8  version               1  and three zero bytes
/// 12  index                 4  of the segment in its generation
/// 16  generation            8
/// 24  mark                  8  random for each life of the file; every record begins with it
/// 32  previous index        4  the segment that was written before this one,
/// 36  previous acknowledged 4  and how many of its bytes were acknowledged then (0: there is none)
/// 40  CRC-32C               4  of the 40 bytes before
/// 44  size                  4  of the file when it was begun; 0 in files of builds that did not write it
/// 48  CRC-32C               4  of the 48 bytes before
/// </code>
/// What stands behind the first 44 bytes may be missing or damaged: the size is then not known, and the header is good all the same.
/// </summary>
internal readonly record struct SegmentHeader(SegmentKey Key, uint PreviousIndex, uint PreviousAcknowledgedBytes)
{
    public const int Size = 44;

    /// <summary>With what later builds added.</summary>
    public const int WholeSize = 52;

    /// <summary>The file is never shorter than this, unless it is damaged; 0: not known.</summary>
    public uint SizeBytes { get; init; }

    private static ReadOnlySpan<byte> Magic => "TEMPOWAL"u8;

    public void Write(Span<byte> destination)
    {
        destination.Clear();
        Magic.CopyTo(destination);
        destination[8] = WalFormat.Version;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Key.Index);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], Key.Generation);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], Key.Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[32..], PreviousIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], PreviousAcknowledgedBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], Crc32C.Compute(destination[..40]));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[44..], SizeBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[48..], Crc32C.Compute(destination[..48]));
    }

    /// <summary>
    /// False if the bytes are no header; <paramref name="version"/> is then 0. A whole header of another version has its number
    /// there.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out SegmentHeader header, out byte version)
    {
        header = default;
        version = 0;
        if (source.Length < Size || !source.StartsWith(Magic)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[40..]) != Crc32C.Compute(source[..40])) return false;
        version = source[8];
        if (version != WalFormat.Version) return false;
        var key = new SegmentKey(
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[12..]));
        header = new SegmentHeader(
            key, BinaryPrimitives.ReadUInt32LittleEndian(source[32..]), BinaryPrimitives.ReadUInt32LittleEndian(source[36..]));
        if (source.Length >= WholeSize && BinaryPrimitives.ReadUInt32LittleEndian(source[48..]) == Crc32C.Compute(source[..48]))
            header = header with { SizeBytes = BinaryPrimitives.ReadUInt32LittleEndian(source[44..]) };
        return true;
    }
}

/// <summary>What a record's checksum is bound to besides its own bytes: the life of the file it stands in.</summary>
/// <param name="Mark">Never 0, so that zeros are never taken for a record.</param>
internal readonly record struct SegmentKey(ulong Mark, ulong Generation, uint Index);
