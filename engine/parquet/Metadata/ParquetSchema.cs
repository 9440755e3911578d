using System.Diagnostics.CodeAnalysis;

namespace Tempo.Engine.Parquet;

/// <summary>
/// The schema of a file: the tree of groups and leaves, and its leaves in file order. Immutable, safe to share.
/// </summary>
public sealed class ParquetSchema
{
    private readonly Dictionary<string, ParquetColumn> _byPath = new(StringComparer.Ordinal);
    private readonly List<ParquetColumn> _columns = [];

    /// <summary>A schema of these top-level nodes. <paramref name="name"/> is the message's own name.</summary>
    public ParquetSchema(string name, params SchemaNode[] children)
        : this(SchemaNode.Group(name, Repetition.Required, children))
    {
    }

    internal ParquetSchema(SchemaNode root)
    {
        Root = root;
        AddLeaves(root, [], 0, 0);
        if (_columns.Count == 0) throw new ArgumentException("A schema needs at least one leaf.", nameof(root));
    }

    public SchemaNode Root { get; }

    /// <summary>The leaves in file order; a column's <see cref="ParquetColumn.Index"/> is its place here.</summary>
    public IReadOnlyList<ParquetColumn> Columns => _columns;

    /// <summary>Finds a leaf by its path of names joined by dots, as in "rs.ss.Spans.Name".</summary>
    public bool TryFindColumn(string path, [NotNullWhen(true)] out ParquetColumn? column) => _byPath.TryGetValue(path, out column);

    /// <summary>The leaf of that path; throws <see cref="KeyNotFoundException"/> if there is none.</summary>
    public ParquetColumn GetColumn(string path) =>
        TryFindColumn(path, out var column) ? column : throw new KeyNotFoundException($"The schema has no column '{path}'.");

    /// <summary>Depth is limited: by <see cref="ParquetLimits.MaxSchemaDepth"/> here, and before that where a file is read.</summary>
    private void AddLeaves(SchemaNode node, string[] path, int definition, int repetition)
    {
        if (path.Length > ParquetLimits.MaxSchemaDepth)
            throw new ArgumentException(
                $"The schema is deeper than {ParquetLimits.MaxSchemaDepth} groups at '{string.Join('.', path)}'.", nameof(node));
        foreach (var child in node.Children)
        {
            var childDefinition = definition + (child.Repetition == Repetition.Required ? 0 : 1);
            var childRepetition = repetition + (child.Repetition == Repetition.Repeated ? 1 : 0);
            string[] childPath = [.. path, child.Name];
            if (!child.IsLeaf)
            {
                AddLeaves(child, childPath, childDefinition, childRepetition);
                continue;
            }

            var column = new ParquetColumn(_columns.Count, childPath, child, childDefinition, childRepetition);
            if (!_byPath.TryAdd(column.Path, column))
                throw new ArgumentException($"The schema has two columns '{column.Path}'.", nameof(node));
            _columns.Add(column);
        }
    }
}
