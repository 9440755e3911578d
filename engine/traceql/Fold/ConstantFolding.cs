using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Fold;

/// <summary>
/// Builds expressions with their constant parts computed: <c>1 + 1</c> becomes <c>2</c>. What is wrongly typed, divides an
/// int by zero or is not finite stays as written, for validation or evaluation to judge.
/// </summary>
internal static class ConstantFolding
{
    internal static FieldExpression Unary(UnaryOperator op, FieldExpression operand)
    {
        if (operand is not Literal { Value: var value })
            return new UnaryExpression(op, operand);
        return (op, value.Type) switch
        {
            (UnaryOperator.Not, TraceQlType.Bool) => new Literal(TraceQlValue.Bool(!value.AsBool)),
            (UnaryOperator.Negate, _) when TryNegate(value, out TraceQlValue negated) => new Literal(negated),
            _ => new UnaryExpression(op, operand),
        };
    }

    internal static FieldExpression Binary(FieldOperator op, FieldExpression left, FieldExpression right) =>
        left is Literal l && right is Literal r && TryFold(op, l.Value, r.Value, out TraceQlValue folded)
            ? new Literal(folded)
            : new BinaryExpression(op, left, right);

    internal static bool TryNegate(TraceQlValue value, out TraceQlValue negated)
    {
        negated = value.Type switch
        {
            TraceQlType.Int => TraceQlValue.Int(unchecked(-value.AsInt)),
            TraceQlType.Float => TraceQlValue.Float(-value.AsFloat),
            TraceQlType.Duration => TraceQlValue.Duration(unchecked(-value.AsDurationNano)),
            _ => default,
        };
        return !negated.IsNil;
    }

    /// <summary>
    /// Folds a scalar expression without aggregates to its literal, and leaves one with aggregates as it is.
    /// Null when the constant cannot be computed: an int divided by zero, or no finite number.
    /// </summary>
    internal static ScalarExpression? Scalar(ScalarExpression expression)
    {
        if (expression is not ScalarOperation operation)
            return expression;
        ScalarExpression? left = Scalar(operation.Left);
        ScalarExpression? right = Scalar(operation.Right);
        if (left is null || right is null)
            return null;
        if (left is not ScalarLiteral l || right is not ScalarLiteral r)
            return new ScalarOperation(operation.Op, left, right);
        return TryFold(operation.Op, l.Value, r.Value, out TraceQlValue folded) ? new ScalarLiteral(folded) : null;
    }

    private static bool TryFold(FieldOperator op, TraceQlValue left, TraceQlValue right, out TraceQlValue folded)
    {
        folded = default;
        if (op.IsArithmetic())
        {
            return TraceQlArithmetic.TryCompute(op, left, right, out folded)
                && (folded.Type != TraceQlType.Float || double.IsFinite(folded.AsFloat));
        }

        if (left.IsNil || right.IsNil)
        {
            // Only `nil != value` holds: nil compared with nil is false either way.
            folded = TraceQlValue.Bool(op == FieldOperator.NotEqual && left.IsNil != right.IsNil);
            return true;
        }

        bool comparable = left.Type == right.Type || left.Type.IsNumeric() && right.Type.IsNumeric();
        if (op.IsComparison() && comparable && (!op.IsOrder() || left.Type.IsNumeric() || left.Type == TraceQlType.String))
        {
            folded = TraceQlValue.Bool(TraceQlArithmetic.Compare(op, left, right));
            return true;
        }

        if (op.IsLogical() && left.Type == TraceQlType.Bool && right.Type == TraceQlType.Bool)
        {
            folded = TraceQlValue.Bool(op == FieldOperator.And ? left.AsBool && right.AsBool : left.AsBool || right.AsBool);
            return true;
        }

        return false;
    }
}
