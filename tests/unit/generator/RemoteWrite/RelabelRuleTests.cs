using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>The actions of Prometheus' relabelling that <see cref="RemoteWriteTests"/> does not send.</summary>
public sealed class RelabelRuleTests
{
    private static string? Apply(RelabelRule rule, params (string Name, string Value)[] labels)
    {
        var set = new SortedDictionary<string, string>(labels.ToDictionary(static l => l.Name, static l => l.Value), StringComparer.Ordinal);
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
        Assert.Equal($"a=abc,shard={expected}", Apply(new RelabelRule(RelabelAction.HashMod, ["a"], targetLabel: "shard") { Modulus = modulus }, ("a", "abc")));
    }

    [Fact]
    public void Letters_and_equality()
    {
        Assert.Equal("a=aBc,b=x;abc", Apply(new RelabelRule(RelabelAction.Lowercase, ["c", "a"], targetLabel: "b"), ("a", "aBc"), ("c", "X"))?.Replace(",c=X", "", StringComparison.Ordinal));
        Assert.Equal("a=ABC", Apply(new RelabelRule(RelabelAction.Uppercase, ["a"], targetLabel: "a"), ("a", "aBc")));
        var keep = new RelabelRule(RelabelAction.KeepEqual, ["a"], targetLabel: "b");
        var drop = new RelabelRule(RelabelAction.DropEqual, ["a"], targetLabel: "b");
        Assert.Equal(("a=1,b=1", null), (Apply(keep, ("a", "1"), ("b", "1")), Apply(keep, ("a", "1"), ("b", "2"))));
        Assert.Equal((null, "a=1,b=2"), (Apply(drop, ("a", "1"), ("b", "1")), Apply(drop, ("a", "1"), ("b", "2"))));
        Assert.Equal("c=1", Apply(keep, ("c", "1")));
    }
}
