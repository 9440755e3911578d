namespace Tempo.Engine.Parquet;

/// <summary>What holds for one column chunk.</summary>
public sealed record ColumnOptions
{
    public CompressionCodec Codec { get; init; } = CompressionCodec.Zstd;

    /// <summary>Level of ZSTD, GZIP or BROTLI; the others have none.</summary>
    public int CompressionLevel { get; init; } = 3;

    /// <summary>That of the dictionary; null: the pages'.</summary>
    public int? DictionaryCompressionLevel { get; init; }

    /// <summary>Whether pages and chunk get a minimum and a maximum.</summary>
    public BoundsPolicy Bounds { get; init; } = BoundsPolicy.Numbers;
}

/// <summary>Which columns get bounds.</summary>
public enum BoundsPolicy
{
    None = 0,

    /// <summary>Numbers only: strings would be compared one by one.</summary>
    Numbers,

    /// <summary>Numbers and byte strings.</summary>
    All,
}
