using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// <c>| avg(x) > 5</c>, <c>| sum(x) / count() > min(y)</c>: keeps the spansets whose numbers compare so, and says of them what stands
/// on the left. Where <c>(pipeline | aggregate)</c> is compared, what is kept are the spans that these pipelines find in the trace.
/// </summary>
internal sealed class AggregateStage(ScalarFilter filter, List<Condition> filters, Patience patience) : Stage
{
    private readonly ScalarOperand _left = ScalarOperand.Compile(filter.Left, filters, patience);
    private readonly ScalarOperand _right = ScalarOperand.Compile(filter.Right, filters, patience);
    private readonly string _name = filter.Left.ToString();

    public override void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output)
    {
        var attributes = 0;
        foreach (var set in input)
        {
            var found = new HashSet<int>();
            var value = _left.Evaluate(trace, set.Spans, found);
            if (!TraceQlArithmetic.Compare(filter.Op, value, _right.Evaluate(trace, set.Spans, found))) continue;
            var kept = set;
            if (_left.HasPipeline || _right.HasPipeline) kept = new Spanset([.. found.Order()], set.Attributes);

            if (kept.Spans.Count == 0) continue;
            output.Add(filter.Left is ScalarLiteral
                ? kept
                : new Spanset(kept.Spans, kept.AttributesWith(new AttributeResult(_name, ShownValue.Of(value)), ref attributes)));
        }
    }
}
