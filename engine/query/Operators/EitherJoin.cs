using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>A || B</c>: the spans of both.</summary>
internal sealed class EitherJoin : SpanJoin
{
    public override void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output) => Unite(left, right, output);
}
