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
    private readonly LiveNode _a = new("a"), _b = new("b");

    [Fact]
    public async Task Of_a_tenant_that_nobody_queries_a_cut_notes_nothing()
    {
        var mirrors = new LiveMirrors(_a.State, hasCopies: true, _spans, _time);
        var empty = mirrors.ByteCount;
        await mirrors.Of(TenantId.Single).Refresh([_b])[0].Part;
        Send(1, 5000);
        _a.Cut();
        var used = mirrors.ByteCount;
        Assert.InRange(used - empty, 5000 * 8, 5000 * FingerprintTable.MaxBytesPerSpan);
        _time.Advance(TimeSpan.FromMinutes(3));
        Send(5001, 15_000);
        _a.Cut();
        Assert.Equal(empty, mirrors.ByteCount);
    }

    [Fact]
    public async Task A_cut_does_not_fail_because_of_what_queries_know()
    {
        var mirrors = new LiveMirrors(_a.State, hasCopies: true, _spans, _time);
        await mirrors.Of(TenantId.Single).Refresh([_b])[0].Part;
        _a.State.TellLeaving(new Generation(null!, null!)); // whose live data cannot be read
    }

    [Fact]
    public void A_tenant_is_in_use_before_it_has_asked_anyone()
    {
        var mirrors = new LiveMirrors(_a.State, hasCopies: true, _spans, _time);
        var first = mirrors.Of(TenantId.Single);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        mirrors.Of(other);
        Assert.Same(first, mirrors.Of(TenantId.Single));
        _time.Advance(TimeSpan.FromMinutes(3));
        Assert.Same(first, mirrors.Of(TenantId.Single));
        mirrors.Of(other); // looks for those that are not in use
        Assert.Same(first, mirrors.Of(TenantId.Single));
        _time.Advance(TimeSpan.FromMinutes(3));
        mirrors.Of(other);
        Assert.NotSame(first, mirrors.Of(TenantId.Single));
    }

    [Fact]
    public void What_is_known_is_bounded_for_all_tenants_together()
    {
        const int maxBytes = 1 << 20;
        var known = new KnownSpans(maxBytes, _time);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.NotEqual(known.KeyOf(other), known.KeyOf(TenantId.Single));
        var fingerprints = new ulong[64];
        var owners = new SpanSource[64];
        for (ulong i = 0; i < 10_000; i++)
        {
            for (var j = 0; j < fingerprints.Length; j++) fingerprints[j] = i * 64 + (ulong)j;
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

    private void Send(ulong first, ulong last)
    {
        for (var span = first; span <= last; span++) _a.Append(span);
    }
}
