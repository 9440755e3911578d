using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Operators;

/// <summary>
/// Makes selectors and joins of the language's nodes. Recursion is bounded by the parser's limit on the height of a tree.
/// </summary>
internal static class OperatorCompiler
{
    /// <summary><paramref name="filters"/> gets the condition of each filter in the expression.</summary>
    public static SpanSelector Compile(SpansetExpression expression, List<Condition> filters, Patience patience)
    {
        if (expression is SpansetOperation operation)
            return new JoinSelector(
                Join(operation.Op), Compile(operation.Left, filters, patience), Compile(operation.Right, filters, patience));
        var condition = new Condition(((SpansetFilter)expression).Condition, patience);
        filters.Add(condition);
        return new FilterSelector(condition, patience);
    }

    public static SpanJoin Join(SpansetOperator op) => op switch
    {
        SpansetOperator.And => new BothJoin(),
        SpansetOperator.Or => new EitherJoin(),
        SpansetOperator.Child => new RelatedJoin(SpanRelation.Child),
        SpansetOperator.Descendant => new RelatedJoin(SpanRelation.Descendant),
        SpansetOperator.Parent => new RelatedJoin(SpanRelation.Parent),
        SpansetOperator.Ancestor => new RelatedJoin(SpanRelation.Ancestor),
        SpansetOperator.Sibling => new RelatedJoin(SpanRelation.Sibling),
        SpansetOperator.NotChild => new UnrelatedJoin(SpanRelation.Child),
        SpansetOperator.NotDescendant => new UnrelatedJoin(SpanRelation.Descendant),
        SpansetOperator.NotParent => new UnrelatedJoin(SpanRelation.Parent),
        SpansetOperator.NotAncestor => new UnrelatedJoin(SpanRelation.Ancestor),
        SpansetOperator.NotSibling => new UnrelatedJoin(SpanRelation.Sibling),
        SpansetOperator.UnionChild => new BothSidesJoin(SpanRelation.Child),
        SpansetOperator.UnionDescendant => new BothSidesJoin(SpanRelation.Descendant),
        SpansetOperator.UnionParent => new BothSidesJoin(SpanRelation.Parent),
        SpansetOperator.UnionAncestor => new BothSidesJoin(SpanRelation.Ancestor),
        SpansetOperator.UnionSibling => new BothSidesJoin(SpanRelation.Sibling),
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "not a spanset operator"),
    };
}
