using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary><c>{ condition }</c>.</summary>
internal sealed class FilterSelector(Condition condition, Patience patience) : SpanSelector
{
    public override void Select(OrderedTrace trace, List<int> input, List<int> output)
    {
        foreach (var span in input)
        {
            patience.Look();
            if (condition.Matches(trace, span)) output.Add(span);
        }
    }
}
