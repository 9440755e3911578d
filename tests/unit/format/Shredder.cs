using System.Collections;
using Tempo.Engine.Parquet;

namespace Tempo.Format.Tests;

/// <summary>
/// Turns nested rows into levels and values the plain way (Melnik et al., "Dremel", 2010, appendix A), one value at a time:
/// groups are dictionaries, whatever repeats is a list, what is absent is null. Lists of three levels and maps are lists in
/// the rows, too.
/// </summary>
internal sealed class Shredder
{
    private readonly Dictionary<SchemaNode, ShreddedLeaf> _leaves = [];

    public Shredder(ParquetSchema schema)
    {
        Root = schema.Root;
        foreach (var column in schema.Columns)
        {
            var leaf = new ShreddedLeaf(column);
            _leaves.Add(column.Node, leaf);
            Leaves.Add(leaf);
        }
    }

    private SchemaNode Root { get; }

    public List<ShreddedLeaf> Leaves { get; } = [];

    public void AddRow(Dictionary<string, object?> row)
    {
        foreach (var leaf in Leaves) leaf.RowStarts.Add(leaf.Repetition.Count);
        foreach (var child in Root.Children) Field(child, row.GetValueOrDefault(child.Name), 0, 0, 0);
    }

    private void Field(SchemaNode node, object? value, int repetition, int definition, int depth)
    {
        if (node.Repetition == Repetition.Required)
        {
            Content(node, value, repetition, definition, depth);
            return;
        }

        object?[] items = value is null ? [] : node.Repetition == Repetition.Optional ? [value] : [.. ((IEnumerable)value).Cast<object?>()];
        if (items.Length == 0) Absent(node, repetition, definition);
        var inner = depth + (node.Repetition == Repetition.Repeated ? 1 : 0);
        for (var i = 0; i < items.Length; i++) Content(node, items[i], i == 0 ? repetition : inner, definition + 1, inner);
    }

    private void Content(SchemaNode node, object? value, int repetition, int definition, int depth)
    {
        if (node.IsLeaf)
        {
            _leaves[node].Add(repetition, definition, value ?? throw new InvalidOperationException($"'{node.Name}' is required"));
            return;
        }

        foreach (var child in node.Children)
        {
            var inner = node.LogicalKind is LogicalKind.List or LogicalKind.Map ? value
                : node.Name == "list" && child.Name == "element" ? value
                : ((Dictionary<string, object?>)value!).GetValueOrDefault(child.Name);
            Field(child, inner, repetition, definition, depth);
        }
    }

    private void Absent(SchemaNode node, int repetition, int definition)
    {
        if (node.IsLeaf) _leaves[node].Add(repetition, definition, null);
        foreach (var child in node.Children) Absent(child, repetition, definition);
    }
}

/// <summary>Levels and values of one leaf, a null where there is no value.</summary>
internal sealed class ShreddedLeaf(ParquetColumn column)
{
    public ParquetColumn Column { get; } = column;

    public List<byte> Repetition { get; } = [];

    public List<byte> Definition { get; } = [];

    public List<object?> Values { get; } = [];

    /// <summary>Where each row begins among the levels.</summary>
    public List<int> RowStarts { get; } = [];

    public void Add(int repetition, int definition, object? value)
    {
        Repetition.Add((byte)repetition);
        Definition.Add((byte)definition);
        Values.Add(value);
    }
}
