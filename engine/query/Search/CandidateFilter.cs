using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Which traces are worth looking at: a trace can match a query only if one of its spans meets one of these conditions.
/// They are the query's own filters, chosen so that nothing is missed and little is found:
/// <code>
/// { f }                  f
/// A || B                 those of A, and those of B
/// A !> B  (negated)      those of B: A may be empty
/// A op B  (any other)    those of A or those of B, whichever look more selective
/// a | b | c              those of the one stage that look most selective; an aggregate needs a span with its operand
/// by(), count(), …       any span
/// </code>
/// </summary>
internal static class CandidateFilter
{
    private static readonly Literal False = new(TraceQlValue.Bool(false));

    /// <summary>The condition that one span at least of a matching trace meets.</summary>
    public static FieldExpression Of(PipelineExpression query)
    {
        var needed = Needed(query).Where(static expression => expression != False).ToList();
        if (needed.Exists(static expression => expression == Literal.True)) return Literal.True;
        return needed.Count == 0 ? False : AnyOf(needed, 0, needed.Count);
    }

    // Balanced, so that a chain of thousands stays low.
    private static FieldExpression AnyOf(List<FieldExpression> conditions, int from, int count) => count == 1
        ? conditions[from]
        : new BinaryExpression(
            FieldOperator.Or, AnyOf(conditions, from, count / 2), AnyOf(conditions, from + (count / 2), count - (count / 2)));

    private static IReadOnlyList<FieldExpression> Needed(PipelineExpression expression)
    {
        if (expression is PipelineOperation operation) return Join(operation.Op, Needed(operation.Left), Needed(operation.Right));
        IReadOnlyList<FieldExpression> best = [Literal.True];
        foreach (var stage in ((Pipeline)expression).Stages) best = MoreSelective(Needed(stage), best);
        return best;
    }

    private static IReadOnlyList<FieldExpression> Needed(PipelineStage stage) => stage switch
    {
        SpansetFilter filter => [filter.Condition],
        SpansetOperation operation => Join(operation.Op, Needed(operation.Left), Needed(operation.Right)),
        ScalarFilter { Aggregate.Operand: { } operand } =>
            [new BinaryExpression(FieldOperator.NotEqual, operand, new Literal(TraceQlValue.Nil))],
        _ => [Literal.True],
    };

    private static IReadOnlyList<FieldExpression> Join(
        SpansetOperator op, IReadOnlyList<FieldExpression> left, IReadOnlyList<FieldExpression> right) => op switch
        {
            SpansetOperator.Or => [.. left, .. right],
            SpansetOperator.NotChild or SpansetOperator.NotDescendant or SpansetOperator.NotParent or SpansetOperator.NotAncestor
                or SpansetOperator.NotSibling => right,
            _ => MoreSelective(left, right),
        };

    // Estimates of an "or" add up to more than "any span", which is never the better choice all the same.
    private static IReadOnlyList<FieldExpression> MoreSelective(IReadOnlyList<FieldExpression> a, IReadOnlyList<FieldExpression> b)
    {
        if (IsAny(a)) return b;
        return IsAny(b) || a.Sum(Selectivity.Estimate) <= b.Sum(Selectivity.Estimate) ? a : b;
    }

    private static bool IsAny(IReadOnlyList<FieldExpression> conditions) => conditions.Any(static condition => condition == Literal.True);
}
