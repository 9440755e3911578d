using System.Text;
using System.Text.RegularExpressions;
using Tempo.Engine.Query.Evaluate;

namespace Tempo.Query.Tests;

/// <summary>Patterns that are reduced to literal pieces, and those that are not, match what .NET's backtracking engine matches.</summary>
public sealed class TextPatternTests
{
    [Theory]
    [InlineData("abc", true)]
    [InlineData("", true)]
    [InlineData("abc.*", true)]
    [InlineData(".*abc", true)]
    [InlineData(".*abc.*", true)]
    [InlineData("a.*b.*c", true)]
    [InlineData(".*", true)]
    [InlineData("a|b.*|.*c", true)]
    [InlineData("(a|b)", true)]
    [InlineData("a\\.b", true)]
    [InlineData("a\\|b|c", true)]
    [InlineData("a.*?", false)]
    [InlineData("a.b", false)]
    [InlineData("ab+", false)]
    [InlineData("a\\.+", false)]
    [InlineData("[ab].*", false)]
    [InlineData("(a)(b)", false)]
    [InlineData("(?i)abc", false)]
    [InlineData("^abc$", false)]
    [InlineData("a\\d", false)]
    [InlineData("x{2}", false)]
    public void Says_whether_it_needs_the_regex_engine(string pattern, bool isReduced) =>
        Assert.Equal(isReduced, new TextPattern(pattern).IsReduced);

    [Fact]
    public void Matches_what_the_regex_matches()
    {
        var random = new Random(1);
        string[] parts = ["a", "b", "ab", ".*", ".*", "|", "\\.", "c.*", "ä", "/", ".", "b?", "(a|b)", "[ab]"];
        string[] texts = ["a", "b", "ä", ".", "/", "c", "ab", "ba"];
        var reduced = 0;
        for (var i = 0; i < 5000; i++)
        {
            var pattern = string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => parts[random.Next(parts.Length)]));
            var regex = new Regex($"^(?s:{pattern})$", RegexOptions.CultureInvariant);
            TextPattern tried;
            try
            {
                tried = new TextPattern(pattern);
            }
            catch (Engine.Query.QueryException)
            {
                continue; // RE2 refuses repeated repetitions
            }

            if (tried.IsReduced) reduced++;
            for (var n = 0; n < 20; n++)
            {
                var text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => texts[random.Next(texts.Length)]));
                Assert.True(regex.IsMatch(text) == tried.IsMatch(Encoding.UTF8.GetBytes(text)), $"{pattern} on {text}");
            }
        }

        Assert.True(reduced > 500);
    }
}
