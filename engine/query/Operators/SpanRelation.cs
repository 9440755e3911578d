using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>
/// Where a span may stand to another in the tree of their trace. The tree is that of the nested-set numbers; a span whose
/// numbers are 0 (an ancestor is missing) stands in no relation to any.
/// </summary>
internal abstract class SpanRelation
{
    public static readonly SpanRelation Child = new ChildRelation();
    public static readonly SpanRelation Descendant = new DescendantRelation();
    public static readonly SpanRelation Parent = new ParentRelation();
    public static readonly SpanRelation Ancestor = new AncestorRelation();
    public static readonly SpanRelation Sibling = new SiblingRelation();

    /// <summary>The relation seen from the other side.</summary>
    public abstract SpanRelation Inverse { get; }

    /// <summary>
    /// Sets <see cref="RelationMarks.Related"/> of each span that is the child (descendant, …) of one of <paramref name="spans"/>,
    /// for which <see cref="RelationMarks.Given"/> is set.
    /// </summary>
    public abstract void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks);
}
