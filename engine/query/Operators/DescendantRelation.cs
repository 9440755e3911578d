using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>An ancestor of it is one of the spans. In the order of the left numbers each parent comes before its children.</summary>
internal sealed class DescendantRelation : SpanRelation
{
    public override SpanRelation Inverse => Ancestor;

    public override void Mark(OrderedTrace trace, List<int> spans, RelationMarks marks)
    {
        var left = trace.Left;
        var parents = trace.ParentIndex;
        var given = marks.Given;
        var related = marks.Related;
        // Each number of the nested set stands once: at a span's left number, the span + 1.
        var order = marks.Numbers(2 * left.Length + 1);
        for (var i = 0; i < left.Length; i++)
            if (left[i] != 0)
                order[left[i]] = i + 1;
        foreach (var next in order)
        {
            if (next == 0) continue;
            var parent = parents[next - 1];
            related[next - 1] = parent >= 0 && (given[parent] || related[parent]);
        }
    }
}
