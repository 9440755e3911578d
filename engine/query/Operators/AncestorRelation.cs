using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>One of the spans lies below it. Each way up ends where another has gone before.</summary>
internal sealed class AncestorRelation : SpanRelation
{
    public override SpanRelation Inverse => Descendant;

    public override void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks)
    {
        var parents = trace.ParentIndex;
        var related = marks.Related;
        foreach (var span in spans)
        {
            if (trace.Left[span] == 0) continue;
            for (var parent = parents[span]; parent >= 0 && !related[parent]; parent = parents[parent]) related[parent] = true;
        }
    }
}
