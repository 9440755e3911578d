using Tempo.Engine.Node.Peers;

namespace Tempo.Node.Tests.Peers;

/// <summary>The nodes of a test: of each span, the one who asks has no copy.</summary>
internal sealed class LiveNodes : IPeers
{
    public IReadOnlyList<IPeer> Holders { get; set; } = [];

    public IReadOnlyList<string> Lost { get; init; } = [];

    public bool HasCopies => true;

    public string Name => "a";

    public bool AnswersSlices => false;

    public IReadOnlyList<IPeer> Queriers => [];

    /// <summary>Without it all are waited for.</summary>
    public Func<IReadOnlyCollection<string>, bool> Covered { get; init; } = static _ => false;

    public bool AreCovered(IReadOnlyCollection<string> silent) => Covered(silent);
}
