namespace Tempo.Engine.Parquet;

/// <summary>What a file may ask of the reader. Beyond a limit the file counts as damaged: <see cref="ParquetFormatException"/>.</summary>
public static class ParquetLimits
{
    /// <summary>Footer (FileMetaData) in bytes. A block of 100 leaves and 10 row groups has about 120 KB.</summary>
    public const int MaxFooterBytes = 64 << 20;

    /// <summary>Elements of the schema, groups and leaves.</summary>
    public const int MaxSchemaElements = 16 * 1024;

    /// <summary>Groups within groups. Keeps levels within a byte and the recursion over the tree shallow.</summary>
    public const int MaxSchemaDepth = 64;

    /// <summary>Structs within structs that the Thrift reader follows while it skips what it does not know.</summary>
    public const int MaxThriftDepth = 24;

    /// <summary>Page header in bytes. It holds statistics, so a long string can make it large.</summary>
    public const int MaxPageHeaderBytes = 1 << 20;

    /// <summary>One page, uncompressed, and what its values decode to. A dictionary is one indivisible page.</summary>
    public const int MaxPageBytes = 256 << 20;

    /// <summary>Entries (levels) of one page. A run of a few bytes can claim any number, so this also bounds memory per page.</summary>
    public const int MaxPageLevels = 1 << 24;

    /// <summary>Pages of one column chunk.</summary>
    public const int MaxPagesPerChunk = 1 << 20;

    /// <summary>Column index or offset index of one chunk, in bytes.</summary>
    public const int MaxPageIndexBytes = 64 << 20;

    /// <summary>Strings of one <see cref="ColumnData"/>, in bytes: its offsets are 32 bits.</summary>
    public const int MaxTableBytes = 1 << 30;

    /// <summary>Strings kept as bounds (min, max) by the writer, in bytes; longer ones are cut (and the maximum rounded up).</summary>
    public const int MaxWrittenBoundBytes = 64;
}
