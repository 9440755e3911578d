using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
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
internal sealed class CandidateFilter
{
    private readonly Condition[] _conditions;

    private CandidateFilter(IReadOnlyList<FieldExpression> anyOf)
    {
        MatchesAll = anyOf.Any(static expression => expression == Literal.True);
        _conditions = MatchesAll ? [] : [.. anyOf.Where(static expression => expression != False).Select(static expression => new Condition(expression))];
    }

    private static readonly Literal False = new(TraceQlValue.Bool(false));

    /// <summary>Every trace is a candidate.</summary>
    public static CandidateFilter All { get; } = new([Literal.True]);

    public bool MatchesAll { get; }

    /// <summary>No trace is.</summary>
    public bool MatchesNothing => !MatchesAll && _conditions.Length == 0;

    /// <summary>What the conditions read.</summary>
    public IEnumerable<AttributeRef> Fields => _conditions.SelectMany(static condition => condition.Fields);

    public static CandidateFilter Of(PipelineExpression query) => new(Needed(query));

    /// <summary>May this span make its trace a match?</summary>
    public bool MayMatch(SpanBatch batch, int row)
    {
        foreach (var condition in _conditions)
            if (condition.MayMatch(batch, row))
                return true;
        return MatchesAll;
    }

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
        ScalarFilter { Aggregate.Operand: { } operand } => [new BinaryExpression(FieldOperator.NotEqual, operand, new Literal(TraceQlValue.Nil))],
        _ => [Literal.True],
    };

    private static IReadOnlyList<FieldExpression> Join(SpansetOperator op, IReadOnlyList<FieldExpression> left, IReadOnlyList<FieldExpression> right) => op switch
    {
        SpansetOperator.Or => [.. left, .. right],
        SpansetOperator.NotChild or SpansetOperator.NotDescendant or SpansetOperator.NotParent or SpansetOperator.NotAncestor or SpansetOperator.NotSibling => right,
        _ => MoreSelective(left, right),
    };

    private static IReadOnlyList<FieldExpression> MoreSelective(IReadOnlyList<FieldExpression> a, IReadOnlyList<FieldExpression> b) =>
        a.Sum(Selectivity.Estimate) <= b.Sum(Selectivity.Estimate) ? a : b;
}
