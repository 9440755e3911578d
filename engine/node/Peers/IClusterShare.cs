namespace Tempo.Engine.Node.Peers;

/// <summary>This node's part of a limit that is meant for all nodes together.</summary>
public interface IClusterShare
{
    /// <summary>Of what all nodes receive, 0 to 1.</summary>
    double OfReceived { get; }

    /// <summary>Of the traces of all nodes, copies included, 0 to 1.</summary>
    double OfTraces { get; }
}
