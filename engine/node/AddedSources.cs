using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node;

/// <summary>
/// What is added to this node's own view for a query: what other nodes have and the store has not, or another service. To be disposed
/// when it has been read.
/// </summary>
internal sealed record AddedSources(IReadOnlyList<LiveBatchView> Live, IReadOnlyList<BlockHandle> Blocks, string Damage) : IDisposable
{
    public static readonly AddedSources None = new([], [], "");

    /// <summary>Keeps the blocks open; null if there are none to keep.</summary>
    public IDisposable? Lease { get; init; }

    public void Dispose() => Lease?.Dispose();

    /// <summary>Sources together with the live batches of these, and what they say is missing.</summary>
    public TraceSources AddTo(TraceSources sources) =>
        this == None
            ? sources
            : sources with { Live = [.. sources.Live, .. Live], Damage = sources.Damage.Length > 0 ? sources.Damage : Damage };
}
