using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// A guess at the share of spans that meet a condition, from its text alone. It decides the speed of a search, never its
/// answer.
/// </summary>
internal static class Selectivity
{
    /// <summary>Between 0 and 1.</summary>
    public static double Estimate(FieldExpression condition) => condition switch
    {
        Literal literal => literal.Value.Type == TraceQlType.Bool && !literal.Value.AsBool ? 0 : 1,
        BinaryExpression { Op: FieldOperator.And } and => Math.Min(Estimate(and.Left), Estimate(and.Right)),
        BinaryExpression { Op: FieldOperator.Or } or => Math.Min(1, Estimate(or.Left) + Estimate(or.Right)),
        BinaryExpression binary => Math.Max(OfComparison(binary), Math.Max(OfField(binary.Left), OfField(binary.Right))),
        UnaryExpression { Op: UnaryOperator.Not, Operand: not AttributeRef } => 0.9,
        _ => 0.2,
    };

    private static double OfComparison(BinaryExpression comparison) => comparison.Op switch
    {
        FieldOperator.Equal => IsNil(comparison.Right) || IsNil(comparison.Left) ? 0.9 : 0.01,
        FieldOperator.Matches => 0.05,
        FieldOperator.NotEqual => 0.5,
        FieldOperator.NotMatches => 0.8,
        _ => 0.2,
    };

    // Fields of few values, of every span, or of the whole trace, which a scan cannot decide.
    private static double OfField(FieldExpression operand) => (operand as AttributeRef)?.Intrinsic switch
    {
        Intrinsic.Status or Intrinsic.Kind => 0.2,
        Intrinsic.SpanChildCount or Intrinsic.NestedSetLeft or Intrinsic.NestedSetRight or Intrinsic.NestedSetParent
            or Intrinsic.RootName or Intrinsic.RootServiceName or Intrinsic.TraceDuration => 0.95,
        _ => 0,
    };

    private static bool IsNil(FieldExpression operand) => operand is Literal { Value.IsNil: true };
}
