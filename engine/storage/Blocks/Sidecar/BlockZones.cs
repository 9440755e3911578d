using System.Buffers.Binary;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>The zone maps of a block: one of each page, and their sums over the row groups.</summary>
public sealed class BlockZones
{
    private readonly ZoneMap[][] _pages;
    private readonly ZoneMap[] _rowGroups;

    private BlockZones(ZoneMap[][] pages)
    {
        _pages = pages;
        _rowGroups = new ZoneMap[pages.Length];
        for (var group = 0; group < pages.Length; group++)
        {
            _rowGroups[group] = ZoneMap.Empty;
            foreach (var page in pages[group]) _rowGroups[group] = _rowGroups[group].With(page);
        }
    }

    /// <summary>All rows of a row group.</summary>
    public ZoneMap OfRowGroup(int rowGroup) => _rowGroups[rowGroup];

    /// <summary>The pages of a row group, in the order of their rows, which they cover without a gap.</summary>
    public ReadOnlySpan<ZoneMap> Pages(int rowGroup) => _pages[rowGroup];

    internal static byte[] ToSection(List<List<ZoneMap>> rowGroups)
    {
        var section = new byte[rowGroups.Sum(static pages => 4 + pages.Count * SidecarFormat.ZonePageSizeBytes)];
        var at = section.AsSpan();
        foreach (var pages in rowGroups)
        {
            BinaryPrimitives.WriteInt32LittleEndian(at, pages.Count);
            at = at[4..];
            foreach (var page in pages)
            {
                page.Write(at);
                at = at[SidecarFormat.ZonePageSizeBytes..];
            }
        }

        return section;
    }

    /// <summary>Null unless it is the zones of so many row groups and rows, to the byte.</summary>
    internal static BlockZones? TryRead(ReadOnlySpan<byte> section, int rowGroupCount, long rowCount)
    {
        if ((long)rowGroupCount * 4 > section.Length) return null;
        var rowGroups = new ZoneMap[rowGroupCount][];
        for (var group = 0; group < rowGroupCount; group++)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(section, out var count)) return null;
            section = section[4..];
            if (count * (long)SidecarFormat.ZonePageSizeBytes > section.Length) return null;
            var pages = rowGroups[group] = new ZoneMap[count];
            foreach (ref var page in pages.AsSpan())
            {
                page = ZoneMap.Read(section);
                section = section[SidecarFormat.ZonePageSizeBytes..];
                rowCount -= page.RowCount;
            }
        }

        return section.IsEmpty && rowCount == 0 ? new BlockZones(rowGroups) : null;
    }
}
