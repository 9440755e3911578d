using Tempo.Engine.Foundation;
using Tempo.Ring.Hashing;
using Tempo.Ring.Membership;

namespace Tempo.Ring.Tests;

/// <summary>What must hold of the ring for any members; each random test prints its seed.</summary>
public sealed class TokenRingTests(ITestOutputHelper output)
{
    private const int Places = 20_000;
    private readonly Random _random = NewRandom(output);

    private static Random NewRandom(ITestOutputHelper output)
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    [Fact]
    public void Owners_are_distinct_members_as_many_as_copies()
    {
        for (var round = 0; round < 50; round++)
        {
            var members = Members(_random.Next(1, 20), zones: 1);
            var copies = _random.Next(1, 4);
            var ring = TokenRing.Of(members, copies);
            for (var i = 0; i < 200; i++)
            {
                var set = ring.OwnersOf(Place());
                Assert.Equal(Math.Min(copies, members.Length), set.Copies);
                Assert.Equal(set.Owners.Length, set.Owners.Distinct().Count());
                Assert.True(set.Owners.Length >= set.Copies);
                Assert.Equal(copies / 2 + 1, set.Quorum);
            }
        }
    }

    [Fact]
    public void Copies_lie_in_distinct_zones_as_long_as_there_are_some()
    {
        for (var round = 0; round < 50; round++)
        {
            var zones = _random.Next(2, 5);
            var ring = TokenRing.Of(Members(zones * _random.Next(1, 5), zones), 3);
            for (var i = 0; i < 200; i++)
            {
                var set = ring.OwnersOf(Place());
                Assert.Equal(Math.Min(zones, 3), set.Owners.Take(set.Copies).Select(static owner => owner.Zone).Distinct().Count());
            }
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(100)]
    public void Shares_are_about_equal(int count)
    {
        var ring = TokenRing.Of(Members(count, zones: 1), 1);
        var shares = new Dictionary<string, int>();
        for (var i = 0; i < Places * 5; i++)
        {
            var owner = ring.OwnersOf(Place()).Owners[0].Id;
            shares[owner] = shares.GetValueOrDefault(owner) + 1;
        }

        var fair = Places * 5.0 / count;
        Assert.Equal(count, shares.Count);
        // 128 tokens each: a deviation of 9 percent; four of them, and what the sample adds.
        Assert.All(shares.Values, share => Assert.InRange(share, fair * 0.55, fair * 1.45));
    }

    [Fact]
    public void Who_joins_takes_for_itself_and_who_leaves_gives_only_its_own()
    {
        for (var round = 0; round < 10; round++)
        {
            var members = Members(_random.Next(4, 12), zones: 1);
            var newcomer = members[_random.Next(members.Length)];
            var without = TokenRing.Of(members.Where(member => member != newcomer), 1);
            var with = TokenRing.Of(members, 1);
            var moved = 0;
            for (var i = 0; i < Places / 10; i++)
            {
                var place = Place();
                var (before, after) = (without.OwnersOf(place).Owners[0], with.OwnersOf(place).Owners[0]);
                if (before == after) continue;
                Assert.Equal(newcomer, after);
                moved++;
            }

            Assert.InRange(moved, 1, (int)(Places / 10 * 2.0 / members.Length) + 50);
        }
    }

    [Fact]
    public void A_change_of_membership_changes_at_most_one_of_three_owners()
    {
        var members = Members(12, zones: 1);
        var before = TokenRing.Of(members, 3);
        var after = TokenRing.Of(members.Skip(1), 3);
        for (var i = 0; i < Places / 10; i++)
        {
            var place = Place();
            var kept = Ids(before.OwnersOf(place)).Intersect(Ids(after.OwnersOf(place))).Count();
            Assert.True(kept >= 2, $"{kept} of 3 owners are the same");
        }

        static IEnumerable<string> Ids(OwnerSet set) => set.Owners.Take(set.Copies).Select(static owner => owner.Id);
    }

    [Fact]
    public void The_order_of_the_members_makes_no_difference()
    {
        var members = Members(9, zones: 3);
        var ring = TokenRing.Of(members, 3);
        _random.Shuffle(members);
        var other = TokenRing.Of(members, 3);
        for (var i = 0; i < 1000; i++)
        {
            var place = Place();
            Assert.Equal(ring.OwnersOf(place).Owners, other.OwnersOf(place).Owners);
        }
    }

    [Fact]
    public void Places_do_not_change_from_version_to_version()
    {
        // Nodes of two versions must agree during a rolling restart.
        var ring = TokenRing.Of(
            Enumerable.Range(1, 5).Select(
                static i => new Member($"tempo-{i}", $"10.0.0.{i}:9095", "", MemberState.Active, MemberRoles.Holder)), 3);
        var place = RingHash.Of(RingHash.OfText(TenantId.Single.Value), new TraceId(1, 2));
        Assert.Equal([79571721u, 291758229u], [place, RingHash.Of("store", 7)]);
        Assert.Equal("tempo-5 tempo-3 tempo-4", string.Join(' ', ring.OwnersOf(place).Owners.Take(3).Select(static owner => owner.Id)));
    }

    [Fact]
    public void With_as_many_members_as_copies_a_request_need_not_be_divided() => Assert.Single(TokenRing.Of(Members(3, zones: 1), 3).Sets);

    [Fact]
    public void A_tenants_shard_is_its_own_and_moves_little()
    {
        var members = Members(20, zones: 1);
        var ring = TokenRing.Of(members, 3);
        var shards = Enumerable.Range(0, 50).Select(
            tenant => ring.ShardOf($"tenant-{tenant}", 4).Members.Select(static member => member.Id).ToHashSet()).ToArray();
        Assert.All(shards, static shard => Assert.Equal(4, shard.Count));
        Assert.True(shards.Select(static shard => string.Join(' ', shard.Order())).Distinct().Count() > 25);
        Assert.Equal(20, shards.SelectMany(static shard => shard).Distinct().Count());

        var fewer = TokenRing.Of(members.Skip(1), 3);
        for (var tenant = 0; tenant < shards.Length; tenant++)
        {
            var after = fewer.ShardOf($"tenant-{tenant}", 4).Members.Select(static member => member.Id);
            Assert.True(shards[tenant].Intersect(after).Count() >= 3);
        }
    }

    [Fact]
    public void Windows_of_a_tenants_blocks_are_spread_over_the_compactors()
    {
        var ring = TokenRing.Of(Members(4, zones: 1), 1);
        var owners = Enumerable.Range(0, 1000).GroupBy(window => ring.OwnersOf(RingHash.Of("tenant", window)).Owners[0].Id)
            .ToDictionary(static owner => owner.Key, static owner => owner.Count());
        Assert.Equal(4, owners.Count);
        Assert.All(owners.Values, static count => Assert.InRange(count, 100, 450));
    }

    private uint Place() => (uint)_random.NextInt64(0, 1L << 32);

    private Member[] Members(int count, int zones)
    {
        var cluster = _random.Next();
        return [.. Enumerable.Range(0, count).Select(
            i => new Member($"node-{cluster}-{i}", $"10.0.0.{i}:9095", $"zone-{i % zones}", MemberState.Active, MemberRoles.Holder))];
    }
}
