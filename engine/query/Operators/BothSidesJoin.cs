using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>A &amp;&gt; B</c> and its like: the spans of B that stand in the relation to a span of A, and those spans of A.</summary>
internal sealed class BothSidesJoin(SpanRelation relation) : SpanJoin
{
    private readonly RelatedJoin _ofRight = new(relation);
    private readonly RelatedJoin _ofLeft = new(relation.Inverse);
    private readonly List<int> _left = [];
    private readonly List<int> _right = [];

    public override void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output)
    {
        _left.Clear();
        _right.Clear();
        _ofRight.Join(trace, left, right, _right);
        _ofLeft.Join(trace, _right, left, _left);
        Unite(_left, _right, output);
    }
}
