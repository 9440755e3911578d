using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>The actions of Prometheus' relabelling that <see cref="RemoteWriteTests"/> does not send.</summary>
public sealed class RelabelRuleTests
{
    private static string? Apply(RelabelRule rule, params (string Name, string Value)[] labels)
    {
        var set =
            new SortedDictionary<string, string>(labels.ToDictionary(static l => l.Name, static l => l.Value), StringComparer.Ordinal);
        return rule.Apply(set) ? string.Join(',', set.Select(static l => $"{l.Key}={l.Value}")) : null;
    }

    // The eight last bytes of the MD5 of "abc" are 0xD6963F7D28E17F72.
    [Theory]
    [InlineData(1, "0")]
    [InlineData(10, "8")]
    [InlineData(1000, "458")]
    [InlineData(ulong.MaxValue, "15462616177412505458")]
    public void Hashmod_is_that_of_Prometheus(ulong modulus, string expected)
    {
        Assert.Equal($"a=abc,shard={expected}", Apply(
            new RelabelRule(RelabelAction.HashMod, ["a"], targetLabel: "shard") { Modulus = modulus }, ("a", "abc")));
    }

    [Fact]
    public void Letters_and_equality()
    {
        Assert.Equal("a=aBc,b=x;abc", Apply(new RelabelRule(RelabelAction.Lowercase, ["c", "a"], targetLabel: "b"), ("a", "aBc"),
            ("c", "X"))?.Replace(",c=X", "", StringComparison.Ordinal));
        Assert.Equal("a=ABC", Apply(new RelabelRule(RelabelAction.Uppercase, ["a"], targetLabel: "a"), ("a", "aBc")));
        var keep = new RelabelRule(RelabelAction.KeepEqual, ["a"], targetLabel: "b");
        var drop = new RelabelRule(RelabelAction.DropEqual, ["a"], targetLabel: "b");
        Assert.Equal(("a=1,b=1", null), (Apply(keep, ("a", "1"), ("b", "1")), Apply(keep, ("a", "1"), ("b", "2"))));
        Assert.Equal((null, "a=1,b=2"), (Apply(drop, ("a", "1"), ("b", "1")), Apply(drop, ("a", "1"), ("b", "2"))));
        Assert.Equal("c=1", Apply(keep, ("c", "1")));
    }

    // In Go's syntax, as people write them for Prometheus; .NET would refuse, or number, or leave in place.
    [Theory]
    [InlineData("([[:alpha:]]+)-(.*)", "$2/$1", "42/shop")]
    [InlineData("(?P<name>[a-z]+)-(.*)", "${name}.$2", "shop.42")]
    [InlineData("(?P<name>[a-z]+)-(.*)", "$1.$2", "shop.42")]
    [InlineData("(.*)-(?P<number>\\d+)", "$number$$$1", "42$shop")]
    [InlineData("(.*)", "x$2", "x")]
    [InlineData("(.*)-.*", "$1_$1", "shop")]
    [InlineData("(.+?)(o.*)", "$1", "sh")]
    [InlineData("(?U)(.+)(o.*)", "$1", "sh")]
    [InlineData("(a)|(shop-.*)", "[$1$2]", "[shop-42]")]
    [InlineData("shop", "never", null)]
    public void Patterns_and_replacements_are_those_of_Go(string pattern, string replacement, string? expected) =>
        Assert.Equal(
            expected is null ? "a=shop-42" : $"a=shop-42,b={expected}",
            Apply(new RelabelRule(RelabelAction.Replace, ["a"], pattern: pattern, targetLabel: "b", replacement: replacement),
                ("a", "shop-42")));

    [Theory]
    [InlineData("(?!a).*")]
    [InlineData("(a)\\1")]
    [InlineData("a)(b")]
    [InlineData("((((a{1000}){1000}){1000}){1000}){1000}")]
    public void A_pattern_that_cannot_be_used_is_an_argument_that_cannot(string pattern) =>
        Assert.Throws<ArgumentException>(() => new RelabelRule(RelabelAction.Keep, ["a"], pattern: pattern));
}
