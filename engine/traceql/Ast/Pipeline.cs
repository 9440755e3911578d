namespace Tempo.Engine.TraceQL.Ast;

/// <summary>Where the spansets of a query come from: one pipeline, or pipelines joined by spanset operators.</summary>
public abstract record PipelineExpression : TraceQlNode;

/// <summary>Stages from first to last, at least one. The first works on all spans of a trace.</summary>
public sealed record Pipeline : PipelineExpression
{
    public Pipeline(AstList<PipelineStage> stages)
    {
        Stages = stages;
        int height = 0;
        foreach (PipelineStage stage in stages)
            height = Math.Max(height, stage.Height);
        Height = height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => Stages;

    public AstList<PipelineStage> Stages { get; }
}

/// <summary><c>( pipeline ) op ( pipeline )</c>.</summary>
public sealed record PipelineOperation : PipelineExpression
{
    public PipelineOperation(SpansetOperator op, PipelineExpression left, PipelineExpression right)
    {
        Op = op;
        Left = left;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    public SpansetOperator Op { get; }

    public PipelineExpression Left { get; }

    public PipelineExpression Right { get; }
}

/// <summary>One step of a pipeline: spansets of a trace in, spansets out.</summary>
public abstract record PipelineStage : TraceQlNode;

/// <summary>A stage that chooses spans.</summary>
public abstract record SpansetExpression : PipelineStage;

/// <summary><c>{ condition }</c>; the condition of <c>{}</c> is the literal true.</summary>
public sealed record SpansetFilter : SpansetExpression
{
    public SpansetFilter(FieldExpression condition)
    {
        Condition = condition;
        Height = condition.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Condition];

    public FieldExpression Condition { get; }
}

/// <summary><c>left op right</c> on the spans of one trace.</summary>
public sealed record SpansetOperation : SpansetExpression
{
    public SpansetOperation(SpansetOperator op, SpansetExpression left, SpansetExpression right)
    {
        Op = op;
        Left = left;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    public SpansetOperator Op { get; }

    public SpansetExpression Left { get; }

    public SpansetExpression Right { get; }
}

/// <summary><c>by(key)</c>: one spanset for each value of the key.</summary>
public sealed record GroupBy : PipelineStage
{
    public GroupBy(FieldExpression key)
    {
        Key = key;
        Height = key.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Key];

    public FieldExpression Key { get; }
}

/// <summary><c>coalesce()</c>: all spansets of the trace become one.</summary>
public sealed record Coalesce : PipelineStage;

/// <summary><c>select(a, b)</c>: these attributes are returned too; filters nothing.</summary>
public sealed record Select(AstList<AttributeRef> Attributes) : PipelineStage
{
    public override IReadOnlyList<TraceQlNode> Children => Attributes;
}
