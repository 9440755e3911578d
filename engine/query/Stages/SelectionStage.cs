using Tempo.Engine.Query.Operators;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary><c>| { … }</c>, <c>| { … } >> { … }</c>: chooses spans within each spanset.</summary>
internal sealed class SelectionStage(SpanSelector selector) : Stage
{
    public override void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output)
    {
        foreach (var set in input)
        {
            var chosen = new List<int>();
            selector.Select(trace, set.Spans, chosen);
            if (chosen.Count > 0) output.Add(new Spanset(chosen, set.Attributes));
        }
    }
}
