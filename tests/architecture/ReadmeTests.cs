using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>The README's picture names folders; a folder that moved would make it lie.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void Every_path_in_the_picture_exists()
    {
        if (!SourceTree.Exists("README.md")) Assert.Skip("README.md is not written yet");

        var picture = string.Concat(FencedBlock().Matches(SourceTree.Read("README.md")).Select(block => block.Value));
        string[] paths = [.. RepositoryPath().Matches(picture).Select(m => m.Value.TrimEnd('.', '/')).Distinct()];

        Assert.NotEmpty(paths);
        Assert.All(paths, path => Assert.True(SourceTree.Exists(path), path));
    }

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex FencedBlock();

    [GeneratedRegex(@"(?<![\w/.-])(engine|native-host|ring|simd-bloom|fuzz|perf|tests)(/[\w.-]+)+")]
    private static partial Regex RepositoryPath();
}
