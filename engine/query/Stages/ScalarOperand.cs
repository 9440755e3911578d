using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// A number for each spanset: a literal, an aggregate, arithmetic of these, or the aggregate of what a pipeline finds in the
/// whole trace. Nil, which compares with nothing, where there is no number: an aggregate of spans that all lack the attribute,
/// an int divided by zero. Recursion is bounded by the parser's limit on the height of a tree.
/// </summary>
internal abstract class ScalarOperand
{
    /// <summary>Is a pipeline of its own in it?</summary>
    public virtual bool HasPipeline => false;

    /// <summary>The number; <paramref name="found"/> gets the spans of pipelines.</summary>
    public abstract TraceQlValue Evaluate(OrderedTrace trace, List<int> spans, HashSet<int> found);

    /// <summary><paramref name="filters"/> gets the conditions of pipelines.</summary>
    public static ScalarOperand Compile(ScalarExpression expression, List<Condition> filters, Patience patience) => expression switch
    {
        ScalarLiteral literal => new LiteralOperand(literal.Value),
        Aggregate aggregate => new AggregateOperand(aggregate, patience),
        ScalarOperation operation =>
            new OperationOperand(operation.Op, Compile(operation.Left, filters, patience), Compile(operation.Right, filters, patience)),
        ScalarPipeline pipeline =>
            new PipelineOperand(
                PipelineCompiler.Compile(pipeline.Source, filters, patience), Compile(pipeline.Aggregate, filters, patience)),
        _ => throw new QueryException(QueryErrorKind.NotImplemented, $"the expression {expression} is not implemented"),
    };

    private sealed class LiteralOperand(TraceQlValue value) : ScalarOperand
    {
        public override TraceQlValue Evaluate(OrderedTrace trace, List<int> spans, HashSet<int> found) => value;
    }

    private sealed class AggregateOperand(Aggregate aggregate, Patience patience) : ScalarOperand
    {
        private readonly FieldExpressionReader? _operand = aggregate.Operand is { } operand ? new FieldExpressionReader(operand) : null;

        public override TraceQlValue Evaluate(OrderedTrace trace, List<int> spans, HashSet<int> found)
        {
            if (_operand is null) return TraceQlValue.Int(spans.Count);
            var running = new RunningAggregate(aggregate.Function);
            foreach (var span in spans)
            {
                patience.Look();
                if (_operand.Read(SpanCursor.At(trace, span)) is { IsNumeric: true } number)
                    running.Add(number);
            }

            return running.Result;
        }
    }

    private sealed class OperationOperand(FieldOperator op, ScalarOperand left, ScalarOperand right) : ScalarOperand
    {
        public override bool HasPipeline => left.HasPipeline || right.HasPipeline;

        public override TraceQlValue Evaluate(OrderedTrace trace, List<int> spans, HashSet<int> found) =>
            TraceQlArithmetic.TryCompute(op, left.Evaluate(trace, spans, found), right.Evaluate(trace, spans, found), out var result)
                ? result
                : TraceQlValue.Nil;
    }

    private sealed class PipelineOperand(SpansetSource source, ScalarOperand aggregate) : ScalarOperand
    {
        public override bool HasPipeline => true;

        public override TraceQlValue Evaluate(OrderedTrace trace, List<int> spans, HashSet<int> found)
        {
            var own = CoalesceStage.SpansOf(source.Run(trace));
            found.UnionWith(own);
            return aggregate.Evaluate(trace, own, found);
        }
    }
}
