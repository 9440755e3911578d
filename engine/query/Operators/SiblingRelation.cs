using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>Another of the spans has the same parent. Roots are siblings of each other.</summary>
internal sealed class SiblingRelation : SpanRelation
{
    public override SpanRelation Inverse => this;

    public override void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks)
    {
        var left = trace.Left;
        var parents = trace.ParentIndex;
        var given = marks.Given;
        var related = marks.Related;
        // Children that are among the spans, by parent + 1; the roots' parent is -1.
        var counts = marks.Numbers(left.Length + 1);
        foreach (var span in spans)
            if (left[span] != 0)
                counts[parents[span] + 1]++;
        for (var i = 0; i < left.Length; i++)
            related[i] = left[i] != 0 && counts[parents[i] + 1] > (given[i] ? 1 : 0);
    }
}
