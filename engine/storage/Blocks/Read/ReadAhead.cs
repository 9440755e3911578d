using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// The columns that a scan of far blocks has read: of the next rows they come near at once, in one round trip instead of one each. What a
/// query reads is the same in all row groups, but for what only its finds make it read; a column that was not read before (the very first,
/// or that of a find) brings all others with it, in one more. Used by one thread, for one query.
/// </summary>
public sealed class ReadAhead
{
    /// <summary>
    /// Compressed bytes that are read ahead; of other writers a row group has more, and its pages are read ahead one by one.
    /// </summary>
    internal const long MaxBytes = 8 << 20;

    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);
    private readonly ReadAheadParts _parts = new();

    /// <summary>By their logical paths.</summary>
    internal IReadOnlyCollection<string> Paths => _paths;

    /// <summary>A far file, with what was read ahead of it.</summary>
    internal ReadAheadSource SourceOf(IParquetSource far) => new(far, _parts);

    /// <summary>Rows of the column are read.</summary>
    internal void Note(string path) => _paths.Add(path);
}
