using Tempo.Engine.Foundation;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>Makes operands of field expressions. Recursion is bounded by the parser's limit on the height of a tree.</summary>
internal static class OperandCompiler
{
    public static Operand Compile(FieldExpression expression) => expression switch
    {
        Literal literal => new Constant(literal.Value),
        AttributeRef reference => new Field(new FieldReader(reference)),
        AnyOf anyOf => new AnyOfSpan(anyOf.IsEvent, Compile(anyOf.Condition)),
        UnaryExpression { Op: UnaryOperator.Not } not => new Negation(Compile(not.Operand)),
        UnaryExpression minus => new Arithmetic(FieldOperator.Subtract, new Constant(TraceQlValue.Int(0)), Compile(minus.Operand)),
        BinaryExpression { Op: var op } binary when op.IsLogical() =>
            new Junction(op == FieldOperator.And, Compile(binary.Left), Compile(binary.Right)),
        BinaryExpression { Op: var op } binary when op.IsArithmetic() => new Arithmetic(op, Compile(binary.Left), Compile(binary.Right)),
        BinaryExpression binary => CompileComparison(binary),
        _ => throw new QueryException(QueryErrorKind.NotImplemented, $"the expression {expression} is not implemented"),
    };

    // A literal stands on the right, so that everybody else has one case less.
    private static Comparison CompileComparison(BinaryExpression comparison)
    {
        var (op, left, right) = (comparison.Op, comparison.Left, comparison.Right);
        if (left is Literal && right is not Literal && !op.IsRegex()) (op, left, right) = (Flipped(op), right, left);
        return new Comparison(op, Compile(left), Compile(Normalized(left, op, right)));
    }

    private static FieldOperator Flipped(FieldOperator op) => op switch
    {
        FieldOperator.Less => FieldOperator.Greater,
        FieldOperator.LessOrEqual => FieldOperator.GreaterOrEqual,
        FieldOperator.Greater => FieldOperator.Less,
        FieldOperator.GreaterOrEqual => FieldOperator.LessOrEqual,
        _ => op,
    };

    // A trace id may be written with leading zeros; its field has none. The parent's id of a root is all zeros and not nil, by
    // which "= nil" still means a root.
    private static FieldExpression Normalized(FieldExpression left, FieldOperator op, FieldExpression right) => (left, right) switch
    {
        (AttributeRef { Intrinsic: Intrinsic.TraceId }, Literal { Value: { Type: TraceQlType.String } text }) when !op.IsRegex() =>
            new Literal(TraceQlValue.String(text.AsString.TrimStart('0'))),
        (AttributeRef { Intrinsic: Intrinsic.SpanParentId }, Literal { Value.IsNil: true }) when op == FieldOperator.Equal =>
            new Literal(TraceQlValue.String(new SpanId(0).ToString())),
        _ => right,
    };
}
