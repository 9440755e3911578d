using Tempo.Engine.Node.Peers.Fingerprints;
using Xunit;

namespace Tempo.Node.Tests.Peers;

/// <summary>The table whose keys other nodes choose.</summary>
public sealed class FingerprintTableTests
{
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
}
