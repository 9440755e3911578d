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

    private LiveMirrors NewMirrors() => new(_a.State, new KnownSpans(1 << 20, _time), _spans, _time);

    private void Send(ulong first, ulong last)
    {
        for (var span = first; span <= last; span++) _a.Append(span);
    }
}
