using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>A &amp;&amp; B</c>: the spans of both, if both have some.</summary>
internal sealed class BothJoin : SpanJoin
{
    public override void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output)
    {
        if (left.Count > 0 && right.Count > 0) Unite(left, right, output);
    }
}
