namespace Tempo.Engine.TraceQL.Ast;

/// <summary>An expression over the fields of one span: what stands in <c>{ }</c>, <c>by( )</c> and in aggregates.</summary>
public abstract record FieldExpression : TraceQlNode
{
    /// <summary>
    /// The type as far as the text tells it; <see cref="TraceQlType.Attribute"/> where only the span can tell.
    /// Arithmetic of ints is int, any other arithmetic is float (a duration computes in nanoseconds).
    /// </summary>
    public abstract TraceQlType Type { get; }
}

/// <summary>A literal, or a constant part of the query folded into one.</summary>
public sealed record Literal(TraceQlValue Value) : FieldExpression
{
    public static Literal True { get; } = new(TraceQlValue.Bool(true));

    public override TraceQlType Type => Value.Type;
}

/// <summary><c>-x</c> or <c>!x</c>.</summary>
public sealed record UnaryExpression : FieldExpression
{
    public UnaryExpression(UnaryOperator op, FieldExpression operand)
    {
        Op = op;
        Operand = operand;
        Height = operand.Height + 1;
    }

    public UnaryOperator Op { get; }

    public FieldExpression Operand { get; }

    public override IReadOnlyList<TraceQlNode> Children => [Operand];

    public override TraceQlType Type => Operand.Type;
}

/// <summary>
/// <c>l op r</c>. Existence is written here too: <c>x != nil</c> and <c>x = nil</c> have a nil <see cref="Literal"/> on one side.
/// </summary>
public sealed record BinaryExpression : FieldExpression
{
    public BinaryExpression(FieldOperator op, FieldExpression left, FieldExpression right)
    {
        Op = op;
        Left = left;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
        Type = op.IsArithmetic() ? ArithmeticType(left.Type, right.Type) : TraceQlType.Bool;
    }

    public FieldOperator Op { get; }

    public FieldExpression Left { get; }

    public FieldExpression Right { get; }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    public override TraceQlType Type { get; }

    private static TraceQlType ArithmeticType(TraceQlType left, TraceQlType right)
    {
        if (left == TraceQlType.Attribute)
            return right;
        if (right == TraceQlType.Attribute || left == right && left == TraceQlType.Int)
            return left;
        return TraceQlType.Float;
    }
}

/// <summary>
/// <c>event{ condition }</c> or <c>link{ condition }</c>: is there an event (link) of the span of which the condition is true?
/// Each such group looks for one of its own; the other fields of events in a filter speak of one event together. Not in Tempo.
/// </summary>
public sealed record AnyOf : FieldExpression
{
    public AnyOf(bool isEvent, FieldExpression condition)
    {
        IsEvent = isEvent;
        Condition = condition;
        Height = condition.Height + 1;
    }

    /// <summary>Of the events; else of the links.</summary>
    public bool IsEvent { get; }

    public FieldExpression Condition { get; }

    public override IReadOnlyList<TraceQlNode> Children => [Condition];

    public override TraceQlType Type => TraceQlType.Bool;
}
