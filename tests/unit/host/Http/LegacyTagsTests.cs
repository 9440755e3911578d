using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class LegacyTagsTests
{
    private static List<(string Key, string? Value)> Pairs(string tags)
    {
        Assert.True(LegacyTags.TryParse(tags, out var pairs, out var error), error);
        return pairs;
    }

    [Theory]
    [InlineData("service.name=shop", "{ .\"service.name\" =~ \".*shop.*\" }")]
    [InlineData(" a=1  b=\"x y\" ", "{ .\"a\" =~ \".*1.*\" } && { .\"b\" =~ \".*x y.*\" }")]
    [InlineData("a=\"q\\\"\\\\\"", "{ .\"a\" =~ \".*q\\\"\\\\\\\\.*\" }")]
    [InlineData("a=x.y+z", "{ .\"a\" =~ \".*x\\\\.y\\\\+z.*\" }")]
    [InlineData("name=GET", "{ name =~ \".*GET.*\" }")]
    [InlineData("root.name=GET", "{ rootName =~ \".*GET.*\" }")]
    [InlineData("status.code=error", "{ status = error }")]
    [InlineData("error=true", "{ status = error }")]
    [InlineData("error=x", "{ .\"error\" =~ \".*x.*\" }")]
    [InlineData("a=", "{ .\"a\" =~ \".*.*\" }")]
    public void Translates(string tags, string expected)
    {
        Assert.True(LegacyTags.TryTranslate(Pairs(tags), 0, 0, out var query, out var findsNothing, out _));
        Assert.False(findsNothing);
        Assert.Equal(expected, query);
    }

    [Fact]
    public void DurationsBoundTheTrace()
    {
        Assert.True(LegacyTags.TryTranslate(Pairs("a=b"), 5, 7, out var query, out _, out _));
        Assert.Equal("{ .\"a\" =~ \".*b.*\" } && { traceDuration >= 5ns } && { traceDuration <= 7ns }", query);
    }

    [Fact]
    public void AWordWithoutAValueFindsNothing()
    {
        Assert.True(LegacyTags.TryTranslate(Pairs("a=b bad"), 0, 0, out _, out var findsNothing, out _));
        Assert.True(findsNothing);
    }

    [Theory]
    [InlineData("a=\"x", "invalid tags: unterminated quoted value at pos 5")]
    [InlineData("=x", "invalid tags: unexpected \"=\" at pos 1")]
    [InlineData("a\"b\"=x", "invalid tags: unexpected \"\\\"\" at pos 2")]
    public void Refuses(string tags, string expected)
    {
        Assert.False(LegacyTags.TryParse(tags, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void PairsAreLimited() =>
        Assert.False(LegacyTags.TryTranslate(Pairs(string.Concat(Enumerable.Repeat("a=b ", 33))), 0, 0, out _, out _, out _));
}
