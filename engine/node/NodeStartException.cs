namespace Tempo.Engine.Node;

/// <summary>A node cannot start; the message says what to mend.</summary>
public sealed class NodeStartException : Exception
{
    public NodeStartException(string message)
        : base(message)
    {
    }

    public NodeStartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
