using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// <c>| avg(x) > 5</c>: keeps the spansets whose aggregate compares so, and says it of them. Spans without a number are
/// skipped but stay in the set; a set without any number is dropped.
/// </summary>
internal sealed class AggregateStage(ScalarFilter filter) : Stage
{
    private readonly FieldExpressionReader? _operand = filter.Aggregate.Operand is { } operand ? new FieldExpressionReader(operand) : null;
    private readonly string _name = filter.Aggregate.ToString();

    public override void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output)
    {
        foreach (var set in input)
        {
            var value = Aggregate(trace, set.Spans);
            if (TraceQlArithmetic.Compare(filter.Op, value, filter.Threshold)) output.Add(set.With(new AttributeResult(_name, ShownValue.Of(value))));
        }
    }

    // Nil, which compares with nothing, where there is no number.
    private TraceQlValue Aggregate(OrderedTrace trace, List<int> spans)
    {
        if (_operand is null) return TraceQlValue.Int(spans.Count);
        var aggregate = new RunningAggregate(filter.Aggregate.Function);
        foreach (var span in spans)
            if (_operand.Read(SpanCursor.At(trace, span)) is { IsNumeric: true } number)
                aggregate.Add(number);
        return aggregate.Result;
    }
}
