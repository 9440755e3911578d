using System.Xml.Linq;

namespace Tempo.Architecture.Tests;

/// <summary>Who may reference whom. The arrows run simd-bloom ← engine ← ring ← native-host, and storage does not
/// know the query language.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly string[] Engine =
    [
        "engine/foundation", "engine/traceql", "engine/otlp", "engine/parquet", "engine/objectstore", "engine/storage",
        "engine/query", "engine/generator", "engine/node",
    ];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["simd-bloom"] = [],
        ["engine/foundation"] = [],
        ["engine/traceql"] = ["engine/foundation"],
        ["engine/otlp"] = ["engine/foundation"],
        ["engine/parquet"] = ["engine/foundation"],
        ["engine/objectstore"] = ["engine/foundation"],
        ["engine/storage"] = ["engine/foundation", "engine/otlp", "engine/parquet", "engine/objectstore", "simd-bloom"],
        ["engine/query"] = ["engine/foundation", "engine/traceql", "engine/storage"],
        ["engine/generator"] = ["engine/foundation", "engine/otlp"],
        ["engine/node"] = [.. Engine.Except(["engine/node"])],
        ["ring"] = ["engine/node", "engine/query", "engine/otlp", "engine/foundation"],
        ["native-host"] = ["ring", .. Engine],
    };

    public static TheoryData<string> Projects() => [.. SourceTree.Projects()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void References_only_what_its_layer_may(string project)
    {
        var folder = Path.GetDirectoryName(project)!.Replace('\\', '/');
        string[] references = [.. References(project)];

        if (Allowed.TryGetValue(folder, out var allowed))
            Assert.Empty(references.Except(allowed));
        else
            Assert.True(folder.Split('/')[0] is "tests" or "fuzz" or "perf", $"{project}: a product project that the table does not know");

        // The micro benchmarks borrow the load tool's traffic.
        Assert.DoesNotContain(references, r => r.Split('/')[0] is "fuzz" or "perf" && folder.Split('/')[0] is not ("tests" or "perf"));
    }

    [Fact]
    public void No_project_lies_directly_in_engine()
    {
        // Its default glob would swallow the sources of the projects below it.
        Assert.DoesNotContain(SourceTree.Projects(), p => Path.GetDirectoryName(p) == "engine");
    }

    private static IEnumerable<string> References(string project)
    {
        var folder = Path.Combine(SourceTree.Root, Path.GetDirectoryName(project)!);
        foreach (var reference in XDocument.Parse(SourceTree.Read(project)).Descendants("ProjectReference"))
        {
            var target = Path.GetFullPath(Path.Combine(folder, reference.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.True(File.Exists(target), $"{project} references {target}, which is not there");
            yield return Path.GetRelativePath(SourceTree.Root, Path.GetDirectoryName(target)!).Replace('\\', '/');
        }
    }
}
