namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>The numbers of FORMAT.md, and the limits of a reader.</summary>
internal static class SidecarFormat
{
    public const int Version = 1;
    public const int HeaderSizeBytes = 56;
    public const int EntrySizeBytes = 24;

    // Offsets in the header.
    public const int VersionAt = 8;
    public const int SectionCountAt = 12;
    public const int BlockIdAt = 16;
    public const int DataSizeAt = 32;
    public const int RowCountAt = 40;
    public const int RowGroupCountAt = 48;
    public const int ChecksumAt = 52;

    /// <summary>Rows between two fences of the id index.</summary>
    public const int FenceRows = 64;
    public const int ZonePageSizeBytes = 48;
    public const int RangeSizeBytes = 24;

    public static ReadOnlySpan<byte> Magic => "TPSIDECR"u8;

    /// <summary>Most sections that are read: three for each of 100,000 row groups, and some.</summary>
    public const int MaxSections = 300_100;

    /// <summary>Largest section that is read.</summary>
    public const int MaxSectionBytes = 128 << 20;

    /// <summary>Largest catalog that is read, decompressed.</summary>
    public const int MaxCatalogBytes = 16 << 20;
}

/// <summary>What a section holds.</summary>
internal enum SectionKind : ushort
{
    IdFilter = 1,
    IdIndex = 2,
    Zones = 3,
    Catalog = 4,
    KeyFilter = 5,
    ValueFilter = 6,
    Ranges = 7,
}
