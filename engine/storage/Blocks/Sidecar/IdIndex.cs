using System.Buffers;
using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>The section that leads from a trace id to the rows that may hold it (FORMAT.md § Id index).</summary>
internal static class IdIndex
{
    private const int CountSizeBytes = 4;
    private const int ChunkBytes = 64 << 10;

    /// <summary>
    /// Writes the section, by two passes over the block's ids (ascending): fences, then what is left of the hashes. The result is
    /// its size; throws <see cref="OverflowException"/> beyond 2 GiB.
    /// </summary>
    public static int Write(Stream output, TraceIdLog ids, out uint checksum)
    {
        var sum = 0u;
        var chunk = new ArrayBufferWriter<byte>(ChunkBytes);
        void Flush(int limit)
        {
            if (chunk.WrittenCount < limit) return;
            sum = Crc32C.Compute(chunk.WrittenSpan, sum);
            output.Write(chunk.WrittenSpan);
            chunk.ResetWrittenCount();
        }

        BinaryPrimitives.WriteInt32LittleEndian(chunk.GetSpan(CountSizeBytes), checked((int)ids.Count));
        chunk.Advance(CountSizeBytes);
        long row = 0;
        ids.ForEach(some =>
        {
            for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..])
                if (row++ % SidecarFormat.FenceRows == 0)
                    chunk.Write(at[..TraceId.SizeBytes]);
            Flush(ChunkBytes);
        });
        ids.ForEach(some =>
        {
            for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..])
            {
                BinaryPrimitives.WriteUInt16LittleEndian(
                    chunk.GetSpan(sizeof(ushort)), SidecarHash.FingerprintOf(SidecarHash.OfTrace(at[..TraceId.SizeBytes])));
                chunk.Advance(sizeof(ushort));
            }

            Flush(ChunkBytes);
        });
        Flush(0);
        checksum = sum;
        return checked((int)SizeBytes(ids.Count));
    }

    /// <summary>The section has the size that its number of rows asks for, which is <paramref name="rowCount"/>.</summary>
    public static bool IsSound(ReadOnlySpan<byte> section, long rowCount) =>
        section.Length >= CountSizeBytes && BinaryPrimitives.ReadInt32LittleEndian(section) == rowCount
            && rowCount is > 0 and <= int.MaxValue && section.Length == SizeBytes(rowCount);

    /// <summary>
    /// The rows that may hold the trace, into <paramref name="rows"/>, which has room for <see cref="SidecarFormat.FenceRows"/>.
    /// </summary>
    public static int Find(ReadOnlySpan<byte> section, TraceId id, ulong hash, Span<long> rows)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(section);
        var fences = section.Slice(CountSizeBytes, FenceCount(count) * TraceId.SizeBytes);
        var fence = LastAtOrBefore(fences, id);
        if (fence < 0) return 0;
        var first = fence * SidecarFormat.FenceRows;
        var prints = section[(CountSizeBytes + fences.Length)..];
        var print = SidecarHash.FingerprintOf(hash);
        var found = 0;
        for (var row = first; row < Math.Min(count, first + SidecarFormat.FenceRows); row++)
            if (BinaryPrimitives.ReadUInt16LittleEndian(prints[(row * 2)..]) == print)
                rows[found++] = row;
        return found;
    }

    private static int LastAtOrBefore(ReadOnlySpan<byte> fences, TraceId id)
    {
        int low = 0, high = fences.Length / TraceId.SizeBytes;
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (TraceId.Read(fences[(middle * TraceId.SizeBytes)..]).CompareTo(id) <= 0) low = middle + 1;
            else high = middle;
        }

        return low - 1;
    }

    private static int FenceCount(int rowCount) => (rowCount + SidecarFormat.FenceRows - 1) / SidecarFormat.FenceRows;

    private static long SizeBytes(long rowCount) =>
        CountSizeBytes + (rowCount + SidecarFormat.FenceRows - 1) / SidecarFormat.FenceRows * TraceId.SizeBytes + rowCount * 2;
}
