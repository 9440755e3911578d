namespace Tempo.Architecture.Tests;

/// <summary>
/// Lines of C# are as long as .editorconfig says (<c>max_line_length</c>), which neither the compiler nor <c>dotnet format</c> holds. Where
/// the limit lies in a literal the line may go on: a message that is broken in two is found by nobody who looks for it.
/// </summary>
public sealed class LineLengthTests
{
    private const string Setting = "max_line_length = ";

    [Fact]
    public void Code_is_no_wider_than_the_editor_is_told()
    {
        var setting = SourceTree.Lines(".editorconfig").Single(static line => line.StartsWith(Setting, StringComparison.Ordinal));
        var most = int.Parse(setting[Setting.Length..]);
        var wide = SourceTree.Files(".", "*.cs").SelectMany(path => WideLines(path, most)).ToList();
        Assert.True(wide.Count == 0, $"lines of more than {most} columns: {string.Join(", ", wide)}");
    }

    private static IEnumerable<string> WideLines(string path, int most)
    {
        var lines = SourceTree.Lines(path);
        var isInLiteral = false;
        for (var i = 0; i < lines.Length; i++)
        {
            // A raw literal begins in one line and ends in another.
            var wasInLiteral = isInLiteral;
            isInLiteral ^= (lines[i].Split("\"\"\"").Length - 1) % 2 == 1;
            if (lines[i].Length <= most || wasInLiteral) continue;
            var (first, last) = (lines[i].IndexOf('"'), lines[i].LastIndexOf('"'));
            var isEnd = lines[i][(last + 1)..].All(static c => c is ')' or ']' or '}' or ',' or ';');
            if (first < 0 || first >= most || last < most && !isEnd) yield return $"{path}:{i + 1}";
        }
    }
}
