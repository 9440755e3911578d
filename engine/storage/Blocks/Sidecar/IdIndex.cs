using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>The section that leads from a trace id to the rows that may hold it (FORMAT.md § Id index).</summary>
internal static class IdIndex
{
    private const int CountSizeBytes = 4;

    /// <summary>Ids are the block's, ascending.</summary>
    public static byte[] ToSection(IReadOnlyList<TraceId> ids)
    {
        var fences = FenceCount(ids.Count);
        var section = new byte[SizeBytes(ids.Count)];
        BinaryPrimitives.WriteInt32LittleEndian(section, ids.Count);
        var prints = section.AsSpan(CountSizeBytes + fences * TraceId.SizeBytes);
        for (var row = 0; row < ids.Count; row++)
        {
            if (row % SidecarFormat.FenceRows == 0) ids[row].Write(section.AsSpan(CountSizeBytes + row / SidecarFormat.FenceRows * TraceId.SizeBytes));
            BinaryPrimitives.WriteUInt16LittleEndian(prints[(row * 2)..], SidecarHash.FingerprintOf(SidecarHash.OfTrace(ids[row])));
        }

        return section;
    }

    /// <summary>The section has the size that its number of rows asks for, which is <paramref name="rowCount"/>.</summary>
    public static bool IsSound(ReadOnlySpan<byte> section, long rowCount) =>
        section.Length >= CountSizeBytes && BinaryPrimitives.ReadInt32LittleEndian(section) == rowCount && rowCount is > 0 and <= int.MaxValue && section.Length == SizeBytes(rowCount);

    /// <summary>The rows that may hold the trace, into <paramref name="rows"/>, which has room for <see cref="SidecarFormat.FenceRows"/>.</summary>
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
