using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Storage.Live;

namespace Tempo.Node.Tests.Peers;

/// <summary>What the copies of other nodes' live data take, and when it is let go.</summary>
public sealed class LiveMirrorsTests
{
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly CounterFamily _spans = new MetricRegistry().Counter("spans", "", "outcome");
    private readonly LiveNode _a = new("a"), _b = new("b"), _c = new("c");

    [Fact]
    public async Task Of_a_tenant_that_nobody_queries_a_cut_notes_nothing()
    {
        var mirrors = NewMirrors();
        var empty = mirrors.ByteCount;
        await mirrors.Refresh(TenantId.Single, [_b])[0].Part;
        Send(1, 5000);
        _a.Cut();
        Assert.InRange(mirrors.ByteCount - empty, 5000 * 8, 5000 * 32);
        _time.Advance(TimeSpan.FromMinutes(3));
        Send(5001, 15_000);
        _a.Cut();
        Assert.Equal(empty, mirrors.ByteCount);
    }

    [Fact]
    public async Task A_cut_does_not_fail_because_of_what_queries_know()
    {
        await NewMirrors().Refresh(TenantId.Single, [_b])[0].Part;
        _a.State.TellLeaving(new Generation(null!, null!)); // whose live data cannot be read
    }

    [Fact]
    public async Task Copies_are_let_go_once_no_query_has_asked_for_them_and_those_of_other_tenants_and_nodes_stay()
    {
        var mirrors = NewMirrors();
        Assert.True(TenantId.TryParse("other", out var other, out _));
        var first = await mirrors.Refresh(TenantId.Single, [_b])[0].Part;
        await mirrors.Refresh(other, [_b])[0].Part;
        Assert.Same(first.Mirror, (await mirrors.Refresh(TenantId.Single, [_b])[0].Part).Mirror);

        // A minute and a half twice: of b it was asked for in between, of c it was not.
        var c = await mirrors.Refresh(TenantId.Single, [_c])[0].Part;
        foreach (var _ in Enumerable.Range(0, 2))
        {
            _time.Advance(TimeSpan.FromSeconds(90));
            Assert.Same(first.Mirror, (await mirrors.Refresh(TenantId.Single, [_b])[0].Part).Mirror);
        }

        Assert.True(c.Source!.IsGivenUp);
        Assert.NotSame(c.Mirror, (await mirrors.Refresh(TenantId.Single, [_c])[0].Part).Mirror);
        Assert.False(first.Source!.IsGivenUp);
        _time.Advance(TimeSpan.FromMinutes(3));
        await mirrors.Refresh(other, [_b])[0].Part; // looks for tenants of whom nobody asks
        Assert.True(first.Source.IsGivenUp);
        Assert.NotSame(first.Mirror, (await mirrors.Refresh(TenantId.Single, [_b])[0].Part).Mirror);
    }

    [Fact]
    public async Task A_node_that_came_back_is_another_one_of_the_same_name()
    {
        var mirrors = NewMirrors();
        var before = await mirrors.Refresh(TenantId.Single, [_b])[0].Part;
        var after = await mirrors.Refresh(TenantId.Single, [new LiveNode("b")])[0].Part;
        Assert.NotSame(before.Mirror, after.Mirror);
        Assert.True(before.Source!.IsGivenUp);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(1)]
    public void What_is_known_is_bounded_for_all_tenants_together_however_few_spans_one_claims(int spansOfOne)
    {
        const int maxBytes = 1 << 20;
        var known = new KnownSpans(maxBytes, _time);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.NotEqual(known.KeyOf(other), known.KeyOf(TenantId.Single));
        var fingerprints = new ulong[spansOfOne];
        var owners = new SpanSource[spansOfOne];
        for (ulong i = 0; i < 640_000; i += (ulong)spansOfOne)
        {
            for (var j = 0; j < fingerprints.Length; j++) fingerprints[j] = i + (ulong)j;
            known.Claim(fingerprints, new SpanClaim(new SpanSource(), (long)i), owners);
            Assert.All(owners, owner => Assert.Same(owners[0], owner));
            Assert.InRange(known.ByteCount, 1, maxBytes);
        }

        known.AddOwn(fingerprints);
        known.Claim(fingerprints, new SpanClaim(new SpanSource(), 1), owners);
        Assert.All(owners, static owner => Assert.Same(SpanSource.Own, owner));
        known.LetGo();
        known.Claim(fingerprints, new SpanClaim(new SpanSource(), 1), owners);
        Assert.All(owners, static owner => Assert.NotSame(SpanSource.Own, owner));
    }

    [Fact]
    public void Fingerprints_that_a_peer_has_chosen_lie_apart()
    {
        // Half of them alike in the upper bits, half in the lower ones; as one chain they would not come to an end.
        const int half = 1_000_000;
        var table = new FingerprintTable();
        for (ulong i = 1; i <= half; i++) table.Set(i << 44 | 7, SpanClaim.Own);
        for (ulong i = 1; i <= half; i++) table.Set(i, SpanClaim.Own);
        Assert.Equal(2 * half, table.Count);
        Assert.NotNull(table.Find(7UL << 44 | 7));
        Assert.Null(table.Find(half + 1));
    }

    private LiveMirrors NewMirrors() => new(_a.State, new KnownSpans(1 << 20, _time), _spans, _time);

    private void Send(ulong first, ulong last)
    {
        for (var span = first; span <= last; span++) _a.Append(span);
    }
}
