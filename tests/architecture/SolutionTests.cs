using System.Text.Json;
using System.Xml.Linq;

namespace Tempo.Architecture.Tests;

/// <summary>What is not in the solution is neither built nor formatted: it must list the whole tree.</summary>
public sealed class SolutionTests
{
    [Fact]
    public void The_solution_lists_exactly_the_projects_of_the_tree()
    {
        var listed = XDocument.Parse(SourceTree.Read("tempo.slnx")).Descendants("Project").Select(p => p.Attribute("Path")!.Value);
        Assert.Equal(SourceTree.Projects(), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_filter_shows_exactly_the_product()
    {
        using var filter = JsonDocument.Parse(SourceTree.Read("tempo.slnf"));
        var solution = filter.RootElement.GetProperty("solution");
        Assert.Equal("tempo.slnx", solution.GetProperty("path").GetString());

        var shown = solution.GetProperty("projects").EnumerateArray().Select(p => p.GetString()!);
        var product = SourceTree.Projects().Where(p => SourceTree.ProductFolders.Contains(p.Split('/')[0]));
        Assert.Equal(product, shown.Order(StringComparer.Ordinal));
    }
}
