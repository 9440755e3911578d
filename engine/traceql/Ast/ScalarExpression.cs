namespace Tempo.Engine.TraceQL.Ast;

/// <summary>
/// <c>aggregate op literal</c>: keeps the spansets whose aggregate compares so. Either side may be any expression of numbers and
/// aggregates, which Tempo parses and refuses.
/// </summary>
public sealed record ScalarFilter : PipelineStage
{
    public ScalarFilter(ScalarExpression left, FieldOperator op, ScalarExpression right)
    {
        Left = left;
        Op = op;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    public ScalarExpression Left { get; }

    /// <summary>A comparison.</summary>
    public FieldOperator Op { get; }

    public ScalarExpression Right { get; }

    /// <summary>The left side, where it is a single aggregate, as in Tempo; else null.</summary>
    public Aggregate? Aggregate => Left as Aggregate;
}

/// <summary>An expression with one number for each spanset.</summary>
public abstract record ScalarExpression : TraceQlNode;

/// <summary>An int, float or duration.</summary>
public sealed record ScalarLiteral(TraceQlValue Value) : ScalarExpression;

/// <summary>What an aggregate computes.</summary>
public enum AggregateFunction
{
    Count,
    Max,
    Min,
    Avg,
    Sum,
}

/// <summary><c>count()</c>, or <c>max|min|avg|sum(expression)</c> over the spans of a spanset.</summary>
public sealed record Aggregate : ScalarExpression
{
    public Aggregate(AggregateFunction function, FieldExpression? operand)
    {
        Function = function;
        Operand = operand;
        Height = (operand?.Height ?? 0) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => Operand is null ? [] : [Operand];

    public AggregateFunction Function { get; }

    /// <summary>Null for <see cref="AggregateFunction.Count"/> only.</summary>
    public FieldExpression? Operand { get; }
}

/// <summary>Arithmetic on aggregates; constant parts are folded and never appear here. Not in Tempo.</summary>
public sealed record ScalarOperation : ScalarExpression
{
    public ScalarOperation(FieldOperator op, ScalarExpression left, ScalarExpression right)
    {
        Op = op;
        Left = left;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    /// <summary>An arithmetic operator.</summary>
    public FieldOperator Op { get; }

    public ScalarExpression Left { get; }

    public ScalarExpression Right { get; }
}

/// <summary>
/// <c>( pipeline | aggregate )</c> as an operand of a comparison: the aggregate of the spans that the pipeline finds in the trace. Not in
/// Tempo.
/// </summary>
public sealed record ScalarPipeline : ScalarExpression
{
    public ScalarPipeline(Pipeline source, ScalarExpression aggregate)
    {
        Source = source;
        Aggregate = aggregate;
        Height = Math.Max(source.Height, aggregate.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Source, Aggregate];

    public Pipeline Source { get; }

    public ScalarExpression Aggregate { get; }
}
