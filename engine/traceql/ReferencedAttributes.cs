using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL;

/// <summary>Which attributes and intrinsics a tree looks at: what a planner has to fetch, what a search returns.</summary>
public static class ReferencedAttributes
{
    /// <summary>Each one once, in the order of the text.</summary>
    public static IReadOnlyList<AttributeRef> Of(TraceQlNode node) => [.. node.Tree().OfType<AttributeRef>().Distinct()];
}
