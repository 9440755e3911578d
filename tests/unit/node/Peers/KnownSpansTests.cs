using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Xunit;

namespace Tempo.Node.Tests.Peers;

/// <summary>What queries know of live spans, of all tenants together.</summary>
public sealed class KnownSpansTests
{
    [Theory]
    [InlineData(64)]
    [InlineData(1)]
    public void What_is_known_is_bounded_for_all_tenants_together_however_few_spans_one_claims(int spansOfOne)
    {
        const int maxBytes = 1 << 20;
        var known = new KnownSpans(maxBytes, TimeProvider.System);
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
}
