namespace Tempo.Engine.TraceQL.Ast;

/// <summary>
/// A node of a query's tree. Nodes are immutable and compare by value; <see cref="ToString"/> gives the normalised text,
/// which parses back to an equal node.
/// </summary>
public abstract record TraceQlNode
{
    /// <summary>
    /// Levels of the tree below and including this node, at least 1. The parser keeps it at or below
    /// <see cref="TraceQlParser.MaxTreeHeight"/>, so whoever walks a parsed tree may recurse.
    /// </summary>
    public int Height { get; private protected init; } = 1;

    /// <summary>The nodes directly below this one, in the order of the text.</summary>
    public virtual IReadOnlyList<TraceQlNode> Children => [];

    /// <summary>This node and all below it, each before those below it, in the order of the text.</summary>
    public IEnumerable<TraceQlNode> Tree()
    {
        var left = new Stack<TraceQlNode>([this]);
        while (left.TryPop(out TraceQlNode? node))
        {
            yield return node;
            IReadOnlyList<TraceQlNode> children = node.Children;
            for (int i = children.Count - 1; i >= 0; i--)
                left.Push(children[i]);
        }
    }

    /// <summary>The normalised text of this node.</summary>
    public sealed override string ToString() => Printer.Print(this);
}
