using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>Header and directory of a sidecar: which sections there are, and where.</summary>
internal sealed class SidecarDirectory
{
    // [kind][row group] for kinds of row groups; [kind][0] else.
    private readonly SidecarSection?[][] _sections = new SidecarSection?[(int)SectionKind.Ranges + 1][];

    private SidecarDirectory(int rowGroupCount)
    {
        for (var kind = 0; kind < _sections.Length; kind++)
            _sections[kind] = new SidecarSection?[kind >= (int)SectionKind.KeyFilter ? rowGroupCount : 1];
    }

    public IEnumerable<SidecarSection> All => _sections.SelectMany(static sections => sections).OfType<SidecarSection>();

    /// <summary>Null if there is none.</summary>
    public SidecarSection? Find(SectionKind kind, int rowGroup)
    {
        var sections = _sections[(int)kind];
        return (uint)rowGroup < (uint)sections.Length ? sections[rowGroup] : null;
    }

    /// <summary>Bytes of header and directory, as the header says; -1 if it is none of ours.</summary>
    public static int HeadSizeBytes(ReadOnlySpan<byte> header, out string error)
    {
        error = "";
        var sections = 0;
        if (header.Length < SidecarFormat.HeaderSizeBytes || !header.StartsWith(SidecarFormat.Magic)) error = "not a sidecar";
        else if (BinaryPrimitives.ReadInt32LittleEndian(header[SidecarFormat.VersionAt..]) is var version and not SidecarFormat.Version)
            error = $"version {version} of the sidecar; {SidecarFormat.Version} is read";
        else if ((sections = BinaryPrimitives.ReadInt32LittleEndian(header[SidecarFormat.SectionCountAt..])) is < 0
            or > SidecarFormat.MaxSections)
            error = $"{sections} sections in the sidecar; the limit is {SidecarFormat.MaxSections}";
        return error.Length > 0 ? -1 : SidecarFormat.HeaderSizeBytes + sections * SidecarFormat.EntrySizeBytes;
    }

    /// <summary>Null, with the reason, unless <paramref name="head"/> is whole and of this block's data.</summary>
    public static SidecarDirectory? TryRead(ReadOnlySpan<byte> head, BlockMeta meta, out string error)
    {
        var size = HeadSizeBytes(head, out error);
        if (error.Length > 0) return null;
        if (head.Length != size) error = $"the sidecar's directory has {head.Length} bytes of {size}";
        else if (BinaryPrimitives.ReadUInt32LittleEndian(head[SidecarFormat.ChecksumAt..]) != SidecarBuilder.ChecksumOf(head))
            error = "checksum of the sidecar's directory";
        else if (!IsOf(head, meta)) error = "the sidecar is of other data";
        if (error.Length > 0) return null;
        var directory = new SidecarDirectory(meta.RowGroupCount);
        for (var at = head[SidecarFormat.HeaderSizeBytes..]; !at.IsEmpty; at = at[SidecarFormat.EntrySizeBytes..]) directory.Add(at);
        return directory;
    }

    private static bool IsOf(ReadOnlySpan<byte> head, BlockMeta meta) =>
        new Guid(head.Slice(SidecarFormat.BlockIdAt, 16), bigEndian: true) == meta.BlockId.Value
        && BinaryPrimitives.ReadInt64LittleEndian(head[SidecarFormat.DataSizeAt..]) == meta.SizeBytes
        && BinaryPrimitives.ReadInt64LittleEndian(head[SidecarFormat.RowCountAt..]) == meta.TotalObjects
        && BinaryPrimitives.ReadInt32LittleEndian(head[SidecarFormat.RowGroupCountAt..]) == meta.RowGroupCount;

    // Kinds of a later writer are passed over, and so is what lies outside of what there is.
    private void Add(ReadOnlySpan<byte> entry)
    {
        var kind = BinaryPrimitives.ReadUInt16LittleEndian(entry);
        var rowGroup = BinaryPrimitives.ReadInt32LittleEndian(entry[4..]);
        if (kind >= _sections.Length || (uint)rowGroup >= (uint)_sections[kind].Length) return;
        var offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]);
        var size = BinaryPrimitives.ReadInt32LittleEndian(entry[16..]);
        if (offset < 0 || size is < 0 or > SidecarFormat.MaxSectionBytes) return;
        _sections[kind][rowGroup] =
            new SidecarSection((SectionKind)kind, offset, size, BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]));
    }
}

/// <summary>Where a section lies.</summary>
internal sealed class SidecarSection(SectionKind kind, long offset, int sizeBytes, uint checksum)
{
    public SectionKind Kind => kind;
    public long Offset => offset;
    public int SizeBytes => sizeBytes;
    public uint Checksum => checksum;
    public CachedSection Cached { get; } = new();

    /// <summary>It was damaged when it was read, and is not read again.</summary>
    public bool IsDamaged { get; set; }
}
