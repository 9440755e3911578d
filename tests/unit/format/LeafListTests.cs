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

    private static List<string> Describe(SchemaNode node, string path)
    {
        List<string> lines = [$"{path}{node.Name} {node.Repetition} {node.Type} {node.ConvertedType} {node.LogicalKind} {node.IntegerBits} {node.IsUnsigned}"];
        foreach (var child in node.Children) lines.AddRange(Describe(child, $"{path}{node.Name}."));
        return lines;
    }
}
