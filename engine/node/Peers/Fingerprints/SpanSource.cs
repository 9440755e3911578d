namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>One who has spans: this node, or its copy of another one's live data from some beginning on.</summary>
internal sealed class SpanSource
{
    private volatile bool _isGivenUp;

    /// <summary>What this node has itself.</summary>
    public static readonly SpanSource Own = new();

    /// <summary>What it has claimed is nobody's any more: it is not to be had, or not for long.</summary>
    public bool IsGivenUp => _isGivenUp;

    public void GiveUp() => _isGivenUp = true;
}
