using System.Text;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Query.Tests.Oracle;

/// <summary>A duration in nanoseconds, a status, a kind: told apart from a plain int.</summary>
public readonly record struct Nanos(long Value);

public readonly record struct StatusCode(long Value);

public readonly record struct KindCode(long Value);

/// <summary>The rules for values, written down once more over plain objects; null is nil.</summary>
public static class NaiveValue
{
    public static object? Of(TraceQlValue literal) => literal.Type switch
    {
        TraceQlType.Int => literal.AsInt,
        TraceQlType.Float => literal.AsFloat,
        TraceQlType.String => literal.AsString,
        TraceQlType.Bool => literal.AsBool,
        TraceQlType.Duration => new Nanos(literal.AsDurationNano),
        TraceQlType.Status => new StatusCode((long)literal.AsStatus),
        TraceQlType.Kind => new KindCode((long)literal.AsKind),
        _ => null,
    };

    public static bool Compare(FieldOperator op, object? a, object? b)
    {
        if (a is null || b is null || a is object[] && b is object[]) return false;
        var all = op is FieldOperator.NotEqual or FieldOperator.NotMatches;
        if (a is object[] left) return all ? left.All(x => Compare(op, x, b)) : left.Any(x => Compare(op, x, b));
        if (b is object[] right) return all ? right.All(x => Compare(op, a, x)) : right.Any(x => Compare(op, a, x));
        if (op.IsRegex()) return a is string text && IsMatch((string)b, text) == (op == FieldOperator.Matches);
        if (Number(a) is { } x1 && Number(b) is { } x2)
            return a is double || b is double ? Floats(op, x1, x2) : Holds(op, Whole(a).CompareTo(Whole(b)));
        if (a.GetType() != b.GetType()) return false;
        if (a is string s) return Holds(op, Encoding.UTF8.GetBytes(s).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes((string)b)));
        return op switch { FieldOperator.Equal => a.Equals(b), FieldOperator.NotEqual => !a.Equals(b), _ => false };
    }

    public static object? Compute(FieldOperator op, object? a, object? b)
    {
        if (Number(a) is not { } x || Number(b) is not { } y) return null;
        if (a is not long l || b is not long r)
        {
            return op switch
            {
                FieldOperator.Add => x + y,
                FieldOperator.Subtract => x - y,
                FieldOperator.Multiply => x * y,
                FieldOperator.Divide => x / y,
                _ => x % y,
            };
        }

        if (r == 0 && op is FieldOperator.Divide or FieldOperator.Modulo && r == 0) return null;
        return op switch
        {
            FieldOperator.Add => l + r,
            FieldOperator.Subtract => l - r,
            FieldOperator.Multiply => l * r,
            FieldOperator.Divide => l / r,
            _ => l % r,
        };
    }

    public static double? Number(object? value) => value switch { long l => l, double d => d, Nanos n => n.Value, _ => null };

    private static long Whole(object value) => value is Nanos n ? n.Value : (long)value;

    private static bool IsMatch(string pattern, string text) => System.Text.RegularExpressions.Regex.IsMatch(text, $"^(?:{pattern})$");

    private static bool Floats(FieldOperator op, double x, double y) => op switch
    {
        FieldOperator.Equal => x == y,
        FieldOperator.NotEqual => x != y,
        FieldOperator.Less => x < y,
        FieldOperator.LessOrEqual => x <= y,
        FieldOperator.Greater => x > y,
        _ => x >= y,
    };

    private static bool Holds(FieldOperator op, int order) => op switch
    {
        FieldOperator.Equal => order == 0,
        FieldOperator.NotEqual => order != 0,
        FieldOperator.Less => order < 0,
        FieldOperator.LessOrEqual => order <= 0,
        FieldOperator.Greater => order > 0,
        _ => order >= 0,
    };
}
