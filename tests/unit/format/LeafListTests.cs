using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// The leaves that are written are those of the lists in tests/format, in order, type, annotation and levels: a Tempo that
/// reads another list dies of it.
/// </summary>
public sealed class LeafListTests
{
    [Theory]
    [InlineData("vParquet5", false, 78)]
    [InlineData("vParquet5", true, 86)]
    [InlineData("vParquet4", false, 103)]
    [InlineData("vParquet4", true, 103)]
    public void The_leaves_are_those_of_the_list(string version, bool isDedicated, int count)
    {
        var dedicated = isDedicated ? TestColumns.Some : DedicatedColumns.None;
        var written = BlockVersion.Get(version).BuildSchema(dedicated).Root;
        var listed = SchemaListing.Load(version, dedicated).Schema;
        Assert.Equal(Describe(listed.Root, ""), Describe(written, ""));
        Assert.Equal(count, listed.Columns.Count);
    }

    /// <summary>FORMAT.md says of each leaf how it is written: its table has a row with the leaf's name, or with a group of them.</summary>
    [Theory]
    [InlineData("vParquet5")]
    [InlineData("vParquet4")]
    public void The_table_of_columns_names_every_leaf(string version)
    {
        var lines = File.ReadAllLines(Path.Combine(GoldenFolder.PathOf(""), "../../engine/storage/Blocks/FORMAT.md"));
        var table = string.Join(' ', lines.SkipWhile(static line => line != "| column | encoding | why |").TakeWhile(static line => line.StartsWith('|')).Select(static line => line.Split('|')[1]));
        string[] patterns =
        [
            .. System.Text.RegularExpressions.Regex.Matches(table, @"[A-Za-z…/0-9.]+").Select(static match => match.Value.TrimEnd('.', ','))
                .SelectMany(static name => name.Contains('/', StringComparison.Ordinal) ? (string[])["Start" + name.Split('/')[1].Replace("End", "", StringComparison.Ordinal), name.Split('/')[1]] : [name])
                .Select(static name => "^" + System.Text.RegularExpressions.Regex.Escape(name.Split('.')[^1]).Replace("…", ".*", StringComparison.Ordinal) + "$"),
        ];
        var schema = BlockVersion.Get(version).BuildSchema(TestColumns.Some);
        var names = schema.Columns.Select(static column => column.PathParts.Last(static part => part is not ("element" or "list")));
        Assert.All(names.Where(static name => !name.StartsWith("String", StringComparison.Ordinal) && !name.StartsWith("Int", StringComparison.Ordinal)), name =>
            Assert.True(patterns.Any(pattern => System.Text.RegularExpressions.Regex.IsMatch(name, pattern)), $"FORMAT.md's table has no row for {name}"));
        Assert.Contains("dedicated strings", table, StringComparison.Ordinal);
        Assert.Contains("dedicated ints", table, StringComparison.Ordinal);
    }

    private static List<string> Describe(SchemaNode node, string path)
    {
        List<string> lines = [$"{path}{node.Name} {node.Repetition} {node.Type} {node.ConvertedType} {node.LogicalKind} {node.IntegerBits} {node.IsUnsigned}"];
        foreach (var child in node.Children) lines.AddRange(Describe(child, $"{path}{node.Name}."));
        return lines;
    }
}
