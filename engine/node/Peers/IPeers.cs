namespace Tempo.Engine.Node.Peers;

/// <summary>
/// The other nodes, as far as queries must know them: the engine's door to the ring, which is not known here. What the store that
/// all share does not have yet is on the node that took it in, so a query asks them all.
/// </summary>
public interface IPeers
{
    /// <summary>Those that may hold such spans, without this node. Asked for by every query; cheap.</summary>
    IReadOnlyList<IPeer> Holders { get; }

    /// <summary>Names of nodes that held some and went without saying so; they count as silent ones.</summary>
    IReadOnlyList<string> Lost { get; }

    /// <summary>Whether spans are on several nodes.</summary>
    bool HasCopies { get; }

    /// <summary>Whether every acknowledged span is on a node that is not one of these.</summary>
    bool AreCovered(IReadOnlyCollection<string> silent);

    /// <summary>This node's own name.</summary>
    string Name { get; }

    /// <summary>Whether this node knows the others and takes part in what they compute together.</summary>
    bool AnswersSlices { get; }

    /// <summary>Those that may be given a part of a query to answer, without this node and those that did not answer lately.</summary>
    IReadOnlyList<IPeer> Queriers { get; }
}
