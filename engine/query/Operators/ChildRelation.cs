using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>Its parent is one of the spans.</summary>
internal sealed class ChildRelation : SpanRelation
{
    public override SpanRelation Inverse => Parent;

    public override void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks)
    {
        var left = trace.Left;
        var parents = trace.ParentIndex;
        var given = marks.Given;
        var related = marks.Related;
        for (var i = 0; i < left.Length; i++) related[i] = left[i] != 0 && parents[i] >= 0 && given[parents[i]];
    }
}
