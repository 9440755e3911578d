using Tempo.Engine.Query.Operators;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// <c>( pipeline ) op ( pipeline )</c>. What by() and aggregates said on either side is dropped. For &amp;&amp; and || all spans of
/// a side count; the structural operators need one spanset a side.
/// </summary>
internal sealed class JoinedPipelines(SpansetOperator op, SpansetSource left, SpansetSource right) : SpansetSource
{
    private const string SeveralSpansets = "spanset operators are not supported for multiple spansets per trace. consider using coalesce()";

    private readonly SpanJoin _join = OperatorCompiler.Join(op);

    /// <summary>Throws <see cref="QueryException"/> if a structural operator meets several spansets.</summary>
    public override List<Spanset> Run(OrderedTrace trace)
    {
        var joined = new List<int>();
        _join.Join(trace, SpansOf(left.Run(trace)), SpansOf(right.Run(trace)), joined);
        return joined.Count == 0 ? [] : [new Spanset(joined, [])];
    }

    private List<int> SpansOf(List<Spanset> sets)
    {
        if (sets.Count > 1 && op is not (SpansetOperator.And or SpansetOperator.Or))
            throw new QueryException(QueryErrorKind.BadRequest, SeveralSpansets);
        return CoalesceStage.SpansOf(sets);
    }
}
