using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>A &gt; B</c> and its like: the spans of B that stand in the relation to a span of A.</summary>
internal sealed class RelatedJoin(SpanRelation relation) : SpanJoin
{
    private readonly RelationMarks _marks = new();

    public override void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output)
    {
        if (left.Count == 0 || right.Count == 0) return;
        _marks.MarkRelated(trace, relation, left);
        foreach (var span in right)
            if (_marks.Related[span])
                output.Add(span);
    }
}
