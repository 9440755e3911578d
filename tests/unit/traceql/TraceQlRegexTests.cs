using System.Text.RegularExpressions;
using Tempo.Engine.TraceQL.Patterns;

namespace Tempo.Engine.TraceQL.Tests;

public sealed class TraceQlRegexTests
{
    [Theory]
    [InlineData("GET", "GET", true)]
    [InlineData("GET", "GET /api", false)]
    [InlineData("GET.*", "GET\n/api", true)]
    [InlineData("(?-s)GET.*", "GET\n/api", false)]
    [InlineData("(?i)get", "GET", true)]
    [InlineData("a|b", "ab", false)]
    [InlineData("a|b", "b", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("(?m)a$\nb", "a\nb", true)]
    [InlineData("(?m:^a$)\n^b", "a\nb", false)]
    [InlineData(@"\d+", "٣", false)]
    [InlineData(@"\w", "é", false)]
    [InlineData(@"[^\W]", "é", false)]
    [InlineData(@"\pL+", "é", true)]
    [InlineData(@"\P{Lu}", "A", false)]
    [InlineData("[[:alpha:]]+[[:digit:]-]", "ab-", true)]
    [InlineData("[]a]+", "]a", true)]
    [InlineData("[^]a]", "b", true)]
    [InlineData("[a-]", "-", true)]
    [InlineData("[a[]", "[", true)]
    [InlineData("(?P<n>x)(?<m>y)", "xy", true)]
    [InlineData("a{2}", "aa", true)]
    [InlineData("a{,2}", "a{,2}", true)]
    [InlineData("a{2,}?b", "aaab", true)]
    [InlineData("x{", "x{", true)]
    [InlineData(@"\Qa.b\E+", "a.bb", true)]
    [InlineData(@"\x41\x{1F600}\101\.", "A😀A.", true)]
    [InlineData("(?U)a+", "aaa", true)]
    [InlineData("# no comment", "# no comment", true)]
    [InlineData("", "", true)]
    [InlineData("a||b", "", true)]
    public void Matches_as_RE2(string pattern, string text, bool expected)
    {
        Assert.True(TraceQlRegex.TryCompile(pattern, out Regex? regex, out string? error), error);
        Assert.Equal(expected, regex.IsMatch(text));
    }

    [Theory]
    [InlineData("[")]
    [InlineData("(")]
    [InlineData("a)(b")]
    [InlineData("*a")]
    [InlineData("a**")]
    [InlineData("(?=a)b")]
    [InlineData("(?!a)b")]
    [InlineData("(?<=a)b")]
    [InlineData("(?>a)b")]
    [InlineData(@"(a)\1")]
    [InlineData(@"\k<a>")]
    [InlineData(@"\y")]
    [InlineData(@"\")]
    [InlineData(@"[\")]
    [InlineData("[b-a]")]
    [InlineData("a{1001}")]
    [InlineData("a{2,1}")]
    [InlineData("(((a{1000}){1000}){1000}){1000}")]
    [InlineData(@"\p{Nope}")]
    [InlineData("(?z)a")]
    [InlineData(@"\p{Greek}")]
    [InlineData(@"\P{Han}")]
    [InlineData(@"[a\p{Latin}]")]
    [InlineData(@"\p{IsGreek}")]
    public void Refuses(string pattern)
    {
        Assert.False(TraceQlRegex.TryCompile(pattern, out _, out string? error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void Any_pattern_has_an_answer()
    {
        const string alphabet = @"ab01\\[]()(){}?*+|^$.-:<>PpQExiLmsU,";
        var random = new Random(5);
        for (int i = 0; i < 20_000; i++)
        {
            string pattern = string.Concat(Enumerable.Range(0, random.Next(14)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            if (TraceQlRegex.TryCompile(pattern, out Regex? regex, out _))
                regex.IsMatch("ab01");
        }
    }
}
