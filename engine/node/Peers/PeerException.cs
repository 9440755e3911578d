namespace Tempo.Engine.Node.Peers;

/// <summary>A node did not answer, or not with sense.</summary>
public sealed class PeerException(string message, Exception? inner = null) : Exception(message, inner);
