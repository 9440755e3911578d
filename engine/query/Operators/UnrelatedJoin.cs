using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>
/// <c>A !&gt; B</c> and its like: the spans of B that stand in the relation to no span of A, which may be empty. A span whose
/// place in the tree is unknown is not among them: nothing can be said of it.
/// </summary>
internal sealed class UnrelatedJoin(SpanRelation relation) : SpanJoin
{
    private readonly RelationMarks _marks = new();

    public override void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output)
    {
        if (right.Count == 0) return;
        _marks.MarkRelated(trace, relation, left);
        foreach (var span in right)
            if (!_marks.Related[span] && trace.Left[span] != 0)
                output.Add(span);
    }
}
