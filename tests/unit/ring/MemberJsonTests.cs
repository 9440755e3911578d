using System.Text;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Tests;

/// <summary>Entries of the store of members: ours come back as they went, others are refused with a reason.</summary>
public sealed class MemberJsonTests
{
    [Fact]
    public void A_member_comes_back_as_it_went()
    {
        var member = new Member("tempo \"1\"", "[::1]:9095", "zone é", MemberState.Leaving,
            MemberRoles.Holder | MemberRoles.Compactor | MemberRoles.Receiver, 77)
        { RegisteredAt = 1_795_221_253, IsDrained = true };
        Assert.True(MemberJson.TryRead(MemberJson.Write(member), out var read, out var error), error);
        Assert.Equal(member, read);
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "no JSON")]
    [InlineData("{}", "no id")]
    [InlineData("""{"id":"a","address":"h"}""", "no host and port")]
    [InlineData("""{"id":"a","address":"h:1/admin?x=","state":"ACTIVE"}""", "no host and port")]
    [InlineData("""{"id":"a","address":"user@h:9095","state":"ACTIVE"}""", "no host and port")]
    [InlineData("""{"id":"a","address":"h:9095","state":"ACTIVE","tokens":1000000}""", "1000000 tokens")]
    [InlineData("""{"id":"a","address":"h:9095","state":"ASLEEP"}""", "'ASLEEP' is not known")]
    public void What_is_no_member_is_refused(string json, string why)
    {
        Assert.False(MemberJson.TryRead(Encoding.UTF8.GetBytes(json), out _, out var error));
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_and_halves_of_members_never_throw()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var good = MemberJson.Write(new Member("tempo-1", "10.0.0.1:9095", "a", MemberState.Active, MemberRoles.Holder));
        for (var i = 0; i < 5000; i++)
        {
            var bytes = good.AsSpan(0, random.Next(good.Length + 1)).ToArray();
            for (var flips = random.Next(4); flips > 0 && bytes.Length > 0; flips--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            _ = MemberJson.TryRead(bytes, out _, out _);
        }
    }

    [Fact]
    public void A_greeting_comes_back_as_it_went()
    {
        var greeting = new PeerGreeting("tempo 1\n", MemberState.Joining, true, true);
        Assert.Equal(greeting, PeerGreeting.TryParse(greeting.ToString()));
        Assert.Null(PeerGreeting.TryParse("tempo-1 ACTIVE"));
        Assert.Null(PeerGreeting.TryParse("<html>"));
    }
}
