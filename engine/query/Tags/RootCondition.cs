using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// "Is a root span" in the form that a span alone can answer. Grafana asks for tags with <c>{ nestedSetParent &lt; 0 &amp;&amp; … }</c>,
/// which is a number of the whole trace; a span is a root if, and only if, it has no parent id.
/// </summary>
internal static class RootCondition
{
    private static readonly BinaryExpression IsRoot =
        new(FieldOperator.Equal, new AttributeRef(Intrinsic.SpanParentId), new Literal(TraceQlValue.Nil));

    /// <summary>The same condition; what is not a conjunction or a comparison of that kind stays as it is.</summary>
    public static FieldExpression Rewrite(FieldExpression condition) => condition switch
    {
        BinaryExpression { Op: FieldOperator.And or FieldOperator.Or } junction =>
            new BinaryExpression(junction.Op, Rewrite(junction.Left), Rewrite(junction.Right)),
        BinaryExpression
        {
            Left: AttributeRef { Intrinsic: Intrinsic.NestedSetParent },
            Right: Literal { Value: { Type: TraceQlType.Int } number }
        } comparison
            when (comparison.Op, number.AsInt) is (FieldOperator.Less, 0) or (FieldOperator.Equal, -1) or (FieldOperator.LessOrEqual, -1) =>
                IsRoot,
        _ => condition,
    };
}
