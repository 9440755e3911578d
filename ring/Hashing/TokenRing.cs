using Tempo.Ring.Membership;

namespace Tempo.Ring.Hashing;

/// <summary>
/// Who owns which places. Each member has many tokens on a circle of 2^32 places; a place belongs to the member of the next token
/// at or after it, and its copies to the next other members, each in another zone as long as there are zones:
/// <code>
///        a       c    b         a
///   -----|---x---|----|----y----|-----      x → c, b, a      y → a, c, b   (replication factor 3)
/// </code>
/// So a member that joins takes places only for itself, and one that leaves gives away only its own.
/// <para>
/// Places with the same owners are one set: a request is divided by sets, of which there are few (one, where there are as many
/// members as copies). Immutable, pure, the same for the same members in whatever order they come.
/// </para>
/// </summary>
public sealed class TokenRing
{
    /// <summary>Members behind the owners of a set that can take the place of one: more would have to be down at once.</summary>
    private const int StandIns = 5;

    private readonly uint[] _tokens;
    private readonly int[] _setOfToken;
    private readonly OwnerSet[] _sets;

    private TokenRing(Member[] members, int replicationFactor, uint[] tokens, int[] setOfToken, OwnerSet[] sets)
    {
        Members = members;
        ReplicationFactor = replicationFactor;
        _tokens = tokens;
        _setOfToken = setOfToken;
        _sets = sets;
    }

    /// <summary>By name.</summary>
    public IReadOnlyList<Member> Members { get; }

    /// <summary>Copies of each span, if there are so many members.</summary>
    public int ReplicationFactor { get; }

    public bool IsEmpty => _sets.Length == 0;

    public IReadOnlyList<OwnerSet> Sets => _sets;

    /// <summary>The ring of these members.</summary>
    public static TokenRing Of(IEnumerable<Member> members, int replicationFactor)
    {
        Member[] sorted = [.. members.OrderBy(static member => member.Id, StringComparer.Ordinal)];
        if (sorted.Length == 0) return new TokenRing(sorted, replicationFactor, [], [], []);
        var places = new List<(uint Token, int Member)>();
        for (var i = 0; i < sorted.Length; i++)
            foreach (var token in RingHash.TokensOf(sorted[i].Id, sorted[i].TokenCount))
                places.Add((token, i));
        places.Sort();
        var setOfToken = new int[places.Count];
        var sets = new List<OwnerSet>();
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var zoneCount = sorted.Select(static member => member.Zone).Distinct(StringComparer.Ordinal).Count();
        var chosen = new List<int>(sorted.Length);
        for (var i = 0; i < places.Count; i++)
        {
            var copies = Math.Min(replicationFactor, sorted.Length);
            Walk(places, sorted, i, copies, zoneCount, chosen);
            var key = string.Join(',', chosen.Take(copies).Order());
            if (!numbers.TryGetValue(key, out var number))
            {
                // The next ones, in the order of the circle, take the place of an owner that does not answer.
                Walk(places, sorted, i, Math.Min(copies + StandIns, sorted.Length), zoneCount, chosen);
                numbers.Add(key, number = sets.Count);
                sets.Add(new OwnerSet(number, [.. chosen.Select(member => sorted[member])], copies, OwnerSet.QuorumOf(replicationFactor)));
            }

            setOfToken[i] = number;
        }

        return new TokenRing(sorted, replicationFactor, [.. places.Select(static place => place.Token)], setOfToken, [.. sets]);
    }

    /// <summary>Number of the set of owners of a place. The ring is not empty.</summary>
    public int SetOf(uint place)
    {
        var index = Array.BinarySearch(_tokens, place);
        if (index < 0) index = ~index;
        else while (index > 0 && _tokens[index - 1] == place) index--;
        return _setOfToken[index == _tokens.Length ? 0 : index];
    }

    /// <summary>Owners of a place. The ring is not empty.</summary>
    public OwnerSet OwnersOf(uint place) => _sets[SetOf(place)];

    /// <summary>
    /// The ring of a tenant that uses only some of the members: those with the highest hashes of tenant and member, as many of each
    /// zone, so that a member that comes or goes changes at most one of them.
    /// </summary>
    public TokenRing ShardOf(string tenant, int size)
    {
        if (size <= 0 || size >= Members.Count) return this;
        size = Math.Max(size, ReplicationFactor);
        var shard = Members.GroupBy(static member => member.Zone, StringComparer.Ordinal)
            .SelectMany(zone => zone.Select(member => (Member: member, Hash: RingHash.Of(tenant, (long)RingHash.OfText(member.Id))))
                .OrderByDescending(static entry => entry.Hash).Index())
            .OrderBy(static entry => entry.Index).ThenByDescending(static entry => entry.Item.Hash)
            .Take(size).Select(static entry => entry.Item.Member);
        return Of(shard, ReplicationFactor);
    }

    // Members in the order of the circle; among the first, the copies, no zone twice as long as there are others.
    private static void Walk(List<(uint Token, int Member)> places, Member[] members, int start, int count, int zoneCount, List<int> chosen)
    {
        chosen.Clear();
        var skipped = new List<int>();
        var zones = new HashSet<string>(StringComparer.Ordinal);
        for (var step = 0; step < places.Count && chosen.Count < count; step++)
        {
            var member = places[(start + step) % places.Count].Member;
            if (chosen.Contains(member) || skipped.Contains(member)) continue;
            if (zones.Count < zoneCount && !zones.Add(members[member].Zone))
            {
                skipped.Add(member);
                continue;
            }

            chosen.Add(member);
        }

        foreach (var member in skipped)
            if (chosen.Count < count)
                chosen.Add(member);
    }
}

/// <summary>Members that own the same places.</summary>
/// <param name="Number">In its ring.</param>
/// <param name="Owners">The first <paramref name="Copies"/> are the owners; the others follow in the order in which they stand in for
/// one.</param>
/// <param name="Copies">How many of each span there are: the replication factor, or fewer where there are not so many members.</param>
/// <param name="Quorum">Copies that must be durable before a span is acknowledged: more than half of the replication factor, whoever is
/// there.</param>
public sealed record OwnerSet(int Number, Member[] Owners, int Copies, int Quorum)
{
    /// <summary>More than half.</summary>
    public static int QuorumOf(int replicationFactor) => replicationFactor / 2 + 1;
}
