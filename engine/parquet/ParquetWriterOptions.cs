namespace Tempo.Engine.Parquet;

/// <summary>What holds for a whole file.</summary>
public sealed record ParquetWriterOptions
{
    /// <summary>Name and version of the writing program, for the footer.</summary>
    public string CreatedBy { get; init; } = "tempo";

    /// <summary>What columns get that do not choose for themselves.</summary>
    public ColumnOptions DefaultColumn { get; init; } = new();

    /// <summary>
    /// Data page version, 1 or 2. In version 1 the levels are compressed with the values, which takes 40 % off a block of spans.
    /// </summary>
    public int DataPageVersion { get; init; } = 1;

    /// <summary>
    /// A CRC-32 in each page header, and one of each page index in the footer's key-value metadata, so that damage is found before
    /// it is decoded.
    /// </summary>
    public bool PageChecksums { get; init; } = true;

    public IReadOnlyList<KeyValuePair<string, string>> KeyValueMetadata { get; init; } = [];
}
