using System.Collections.Frozen;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>What a peer has of a tenant that is not in the shared store yet.</summary>
internal sealed record PeerPart(
    IPeer Peer, ulong Incarnation, IReadOnlyList<LiveBatchView> Live, IReadOnlyList<(BlockId Id, bool IsWaiting)> Blocks, string Damage)
{
    /// <summary>The copy that it is from; null: it is of one trace.</summary>
    public PeerMirror? Mirror { get; init; }

    /// <summary>How often that copy had begun anew.</summary>
    public int Beginning { get; init; }

    /// <summary>The copy's name among those who have spans; null: it is of one trace.</summary>
    public SpanSource? Source { get; init; }

    /// <summary>Who has spans that are left out here.</summary>
    public IReadOnlySet<SpanSource> Needs { get; init; } = FrozenSet<SpanSource>.Empty;
}
