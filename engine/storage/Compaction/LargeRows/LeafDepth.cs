using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Versions;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>
/// Of what a leaf tells, by its logical path: 0 the trace, 1 a resource, 2 a scope, 3 a span. An entry that repeats at that level or
/// above begins the next one of these (or says that there is none), in every leaf of the depth alike.
/// </summary>
internal static class LeafDepth
{
    public const int Resource = 1, Scope = 2, Span = 3;

    public static int Of(BlockVersion version, ParquetColumn column)
    {
        var path = version.LogicalPath(column);
        if (path.StartsWith("rs.ss.Spans.", StringComparison.Ordinal)) return Span;
        if (path.StartsWith("rs.ss.", StringComparison.Ordinal)) return Scope;
        return path.StartsWith("rs.", StringComparison.Ordinal) ? Resource : 0;
    }

    /// <summary>The level at which an entry repeats: 0, if the leaf never does.</summary>
    public static int Repetition(ColumnData data, ParquetColumn column, int entry) =>
        column.MaxRepetitionLevel == 0 ? 0 : data.RepetitionLevels[entry];

    /// <summary>Whether the entry has a value.</summary>
    public static bool HasValue(ColumnData data, ParquetColumn column, int entry) =>
        column.MaxDefinitionLevel == 0 || data.DefinitionLevels[entry] == column.MaxDefinitionLevel;
}
