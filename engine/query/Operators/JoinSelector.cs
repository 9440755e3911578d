using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>left op right</c>, both chosen from the same spans.</summary>
internal sealed class JoinSelector(SpanJoin join, SpanSelector left, SpanSelector right) : SpanSelector
{
    private readonly List<int> _left = [];
    private readonly List<int> _right = [];

    public override void Select(OrderedTrace trace, List<int> input, List<int> output)
    {
        _left.Clear();
        _right.Clear();
        left.Select(trace, input, _left);
        right.Select(trace, input, _right);
        join.Join(trace, _left, _right, output);
    }
}
