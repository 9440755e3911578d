namespace Tempo.Engine.Parquet;

/// <summary>
/// The structure of one data page: how many rows and entries, and its levels as <see cref="LevelEncoder"/> encoded them.
/// Sibling leaves with the same structure share one encoding.
/// </summary>
public readonly ref struct PageLevels
{
    /// <summary>Rows that start in the page; a page begins at a row and holds whole rows.</summary>
    public required int RowCount { get; init; }

    /// <summary>Entries: values and nulls.</summary>
    public required int LevelCount { get; init; }

    /// <summary>Entries without a value: those whose definition level is below the leaf's maximum.</summary>
    public int NullCount { get; init; }

    /// <summary>Encoded repetition levels; empty if the leaf's maximum is 0.</summary>
    public ReadOnlySpan<byte> Repetition { get; init; }

    /// <summary>Encoded definition levels; empty if the leaf's maximum is 0.</summary>
    public ReadOnlySpan<byte> Definition { get; init; }

    /// <summary>Entries that have a value.</summary>
    public int ValueCount => LevelCount - NullCount;

    /// <summary>A page of a leaf that is required on its whole path: one value a row.</summary>
    public static PageLevels Flat(int rowCount) => new() { RowCount = rowCount, LevelCount = rowCount };
}
