using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>tests/system/README.md says which test shows what: each that it names is there.</summary>
public sealed partial class WalkTests
{
    [Fact]
    public void Each_test_that_is_named_is_there()
    {
        var files = SourceTree.Files("tests", "*.cs").Concat(SourceTree.Files("fuzz", "*.cs")).ToList();
        var named = Named().Matches(SourceTree.Read("tests/system/README.md")).Select(static match => match.Groups["path"].Value)
            .Distinct(StringComparer.Ordinal).ToList();
        Assert.True(named.Count > 80, $"{named.Count} tests are named");
        Assert.DoesNotContain(named, name => !files.Exists(file => IsAt(file, name)));
    }

    // A name alone, or with some of its folders, of which fuzz stands for fuzz/Targets.
    private static bool IsAt(string file, string name) =>
        ("/" + file).EndsWith($"/{name.Replace("fuzz/", "fuzz/Targets/", StringComparison.Ordinal)}.cs", StringComparison.Ordinal);

    [GeneratedRegex(@"`(?<path>[A-Za-z/]*(Tests|Target))`")]
    private static partial Regex Named();
}
