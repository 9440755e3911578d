using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Fold;

/// <summary>
/// Operators on values: used to fold constants and, with the values of a span, to evaluate.
/// Two ints compute as ints and wrap; any other pair of int, float and duration computes as floats, a duration in nanoseconds.
/// </summary>
public static class TraceQlArithmetic
{
    /// <summary>
    /// Applies one of <c>+ - * / % ^</c>. False when an operand is no number, or an int is divided by zero
    /// (floats give infinities and NaN). <c>a ^ b</c> of two ints is a to the power of b: Tempo 3.0.3 has them swapped.
    /// </summary>
    public static bool TryCompute(FieldOperator op, TraceQlValue left, TraceQlValue right, out TraceQlValue result)
    {
        result = default;
        if (!left.Type.IsNumeric() || !right.Type.IsNumeric())
            return false;
        if (left.Type == TraceQlType.Int && right.Type == TraceQlType.Int)
        {
            if (!TryComputeInts(op, left.AsInt, right.AsInt, out long value))
                return false;
            result = TraceQlValue.Int(value);
            return true;
        }

        result = TraceQlValue.Float(ComputeFloats(op, left.AsNumber, right.AsNumber));
        return true;
    }

    /// <summary>
    /// Compares with one of <c>= != &lt; &lt;= &gt; &gt;=</c>; false when the types do not compare, which is also how a
    /// comparison of a span's value answers then.
    /// </summary>
    public static bool Compare(FieldOperator op, TraceQlValue left, TraceQlValue right)
    {
        if (left.Type.IsNumeric() && right.Type.IsNumeric())
        {
            if (left.Type == TraceQlType.Float || right.Type == TraceQlType.Float)
                return CompareFloats(op, left.AsNumber, right.AsNumber);
            return Holds(op, Whole(left).CompareTo(Whole(right)));
        }

        if (left.Type != right.Type || left.IsNil)
            return false;
        if (left.Type == TraceQlType.String)
            return Holds(op, CompareUtf8(left.AsString, right.AsString));
        return !op.IsOrder() && Holds(op, left == right ? 0 : 1);
    }

    /// <summary>
    /// Orders strings as their UTF-8 bytes are ordered: like UTF-16 code units, except that surrogates come after all others.
    /// </summary>
    public static int CompareUtf8(string left, string right)
    {
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);
        char l = left[common];
        char r = right[common];
        return char.IsSurrogate(l) == char.IsSurrogate(r) ? l.CompareTo(r) : char.IsSurrogate(l) ? 1 : -1;
    }

    private static bool TryComputeInts(FieldOperator op, long left, long right, out long result)
    {
        result = 0;
        switch (op)
        {
            case FieldOperator.Add:
                result = unchecked(left + right);
                return true;
            case FieldOperator.Subtract:
                result = unchecked(left - right);
                return true;
            case FieldOperator.Multiply:
                result = unchecked(left * right);
                return true;
            case FieldOperator.Divide when right != 0:
                // The one quotient that does not fit wraps to itself; the processor would trap.
                result = right == -1 ? unchecked(-left) : left / right;
                return true;
            case FieldOperator.Modulo when right != 0:
                result = right == -1 ? 0 : left % right;
                return true;
            case FieldOperator.Power when right >= 0 || left != 0:
                result = Power(left, right);
                return true;
            default:
                return false;
        }
    }

    private static long Power(long value, long exponent)
    {
        if (exponent < 0)
            return value is 1 or -1 ? (exponent & 1) == 0 ? 1 : value : 0;
        long result = 1;
        for (; exponent != 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0)
                result = unchecked(result * value);
            value = unchecked(value * value);
        }

        return result;
    }

    private static double ComputeFloats(FieldOperator op, double left, double right) => op switch
    {
        FieldOperator.Add => left + right,
        FieldOperator.Subtract => left - right,
        FieldOperator.Multiply => left * right,
        FieldOperator.Divide => left / right,
        FieldOperator.Modulo => left % right,
        _ => Math.Pow(left, right),
    };

    private static bool CompareFloats(FieldOperator op, double left, double right) => op switch
    {
        FieldOperator.Equal => left == right,
        FieldOperator.NotEqual => left != right,
        FieldOperator.Less => left < right,
        FieldOperator.LessOrEqual => left <= right,
        FieldOperator.Greater => left > right,
        FieldOperator.GreaterOrEqual => left >= right,
        _ => false,
    };

    private static bool Holds(FieldOperator op, int order) => op switch
    {
        FieldOperator.Equal => order == 0,
        FieldOperator.NotEqual => order != 0,
        FieldOperator.Less => order < 0,
        FieldOperator.LessOrEqual => order <= 0,
        FieldOperator.Greater => order > 0,
        FieldOperator.GreaterOrEqual => order >= 0,
        _ => false,
    };

    private static long Whole(TraceQlValue value) => value.Type == TraceQlType.Int ? value.AsInt : value.AsDurationNano;
}
