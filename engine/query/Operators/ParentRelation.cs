using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>One of the spans is its child.</summary>
internal sealed class ParentRelation : SpanRelation
{
    public override SpanRelation Inverse => Child;

    public override void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks)
    {
        foreach (var span in spans)
            if (trace.Left[span] != 0 && trace.ParentIndex[span] is >= 0 and var parent)
                marks.Related[parent] = true;
    }
}
