using System.Diagnostics.CodeAnalysis;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Versions;

/// <summary>The leaves of one file by their logical paths. Immutable.</summary>
internal sealed class BlockColumnMap
{
    private readonly Dictionary<string, ParquetColumn> _columns = new(StringComparer.Ordinal);

    private BlockColumnMap()
    {
    }

    public IReadOnlyDictionary<string, ParquetColumn> Columns => _columns;

    /// <summary>The leaf; the version has one of this name, so it is there.</summary>
    public ParquetColumn this[string logicalPath] =>
        _columns.TryGetValue(logicalPath, out var column)
            ? column
            : throw new ParquetFormatException($"the block has no column '{logicalPath}'");

    /// <summary>Whether the block's version has such a leaf.</summary>
    public bool Has(string logicalPath) => _columns.ContainsKey(logicalPath);

    public static BlockColumnMap Create(BlockVersion version, ParquetSchema expected, ParquetSchema file)
    {
        var map = new BlockColumnMap();
        foreach (var leaf in expected.Columns)
        {
            if (!file.TryFindColumn(leaf.Path, out var column)) Fail(version, $"leaf '{leaf.Path}' is missing");
            if (column.Type != leaf.Type || column.MaxDefinitionLevel != leaf.MaxDefinitionLevel
                || column.MaxRepetitionLevel != leaf.MaxRepetitionLevel)
                Fail(version, $"leaf '{leaf.Path}' is {Describe(column)}; {Describe(leaf)} belongs there");
            map._columns.Add(version.LogicalPath(leaf), column);
        }

        if (!version.AllowsMoreLeaves && file.Columns.Count > expected.Columns.Count)
            Fail(version, $"leaf '{file.Columns.First(column => !expected.TryFindColumn(column.Path, out _)).Path}' is none of this version");
        return map;
    }

    private static string Describe(ParquetColumn column) =>
        $"{column.Type} with levels {column.MaxRepetitionLevel}/{column.MaxDefinitionLevel}";

    [DoesNotReturn]
    private static void Fail(BlockVersion version, string what) => throw new ParquetFormatException($"{version.Name}: {what}");
}
