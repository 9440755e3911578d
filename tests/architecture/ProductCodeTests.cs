using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>Habits that the compiler cannot hold, each with the reason it is a rule.</summary>
public sealed partial class ProductCodeTests
{
    private const int MaxLinesPerFile = 500;

    /// <summary>Files over <see cref="MaxLinesPerFile"/> lines, with the reason they have one subject all the same.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    [Fact]
    public void No_file_has_unfinished_business() =>
        Assert.Empty(SourceTree.ProductSources().SelectMany(path => Matches(path, Unfinished(), SourceTree.Lines(path))));

    [Fact]
    public void Every_file_has_one_subject() =>
        Assert.All(SourceTree.ProductSources().Where(path => !LongFiles.ContainsKey(path)), path =>
        {
            var lines = SourceTree.Lines(path).Length;
            Assert.True(lines <= MaxLinesPerFile, $"{path} has {lines} lines: what second subject is in it?");
        });

    [Fact]
    public void The_exceptions_are_still_needed() =>
        Assert.All(LongFiles.Keys, path => Assert.True(SourceTree.Lines(path).Length > MaxLinesPerFile, path));

    private static IEnumerable<string> Matches(string path, Regex forbidden, string[] lines) =>
        lines.Index().Where(line => forbidden.IsMatch(line.Item)).Select(line => $"{path}:{line.Index + 1}: {line.Item.Trim()}");

    [GeneratedRegex(@"\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedException")]
    private static partial Regex Unfinished();
}
