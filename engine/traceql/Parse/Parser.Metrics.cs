using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>Stages that make series, and stages that work on series.</summary>
internal sealed partial class Parser
{
    private bool AtMetricsStage =>
        At(Keywords.Compare) || _token.Kind == TokenKind.Symbol && Keywords.MetricsFunctions.ContainsKey(_token.Text);

    private MetricsStage? ParseMetricsStage()
    {
        string word = _token.Text;
        Advance();
        if (!Expect("("))
            return null;
        return word == Keywords.Compare ? ParseCompare() : ParseMetricsFunction(Keywords.MetricsFunctions[word]);
    }

    /// <summary>[ attribute { ',' quantile } ] ')' [ 'by' '(' attributes ')' ].</summary>
    private MetricsFunction? ParseMetricsFunction(MetricsFunctionKind kind)
    {
        AttributeRef? attribute = null;
        var quantiles = new List<double>();
        if (kind is not (MetricsFunctionKind.Rate or MetricsFunctionKind.CountOverTime))
        {
            attribute = ParseAttribute();
            if (attribute is null)
                return null;
            if (kind == MetricsFunctionKind.QuantileOverTime && !ParseQuantiles(quantiles))
                return null;
        }

        if (!Expect(")"))
            return null;
        AstList<AttributeRef>? by = [];
        if (Take(Keywords.By))
            by = Expect("(") ? ParseAttributeList() : null;
        return by is null ? null : new MetricsFunction(kind, attribute, [.. quantiles], by);
    }

    private bool ParseQuantiles(List<double> quantiles)
    {
        if (!At(","))
            return Fail(",");
        while (Take(","))
        {
            if (_token.Kind is not (TokenKind.Integer or TokenKind.Float))
                return Fail("INTEGER or FLOAT");
            quantiles.Add(_token.Value.AsNumber);
            Advance();
        }

        return true;
    }

    /// <summary>'{' [ field ] '}' [ ',' top [ ',' start ',' end ] ] ')'.</summary>
    private MetricsCompare? ParseCompare()
    {
        if (!At("{"))
            return Unexpected<MetricsCompare>("{");
        if (ParseFilter() is not { } selection)
            return null;
        long? topValues = null, start = null, end = null;
        if (Take(",") && !TryTakeInt(out topValues))
            return null;
        if (topValues is not null && Take(",") && !(TryTakeInt(out start) && Expect(",") && TryTakeInt(out end)))
            return null;
        if (!Expect(")"))
            return null;
        return new MetricsCompare(selection, topValues, start, end);
    }

    private bool TryTakeInt(out long? value)
    {
        value = null;
        if (_token.Kind != TokenKind.Integer)
            return Fail("INTEGER");
        value = _token.Value.AsInt;
        Advance();
        return true;
    }

    /// <summary>{ '|' ( 'topk' | 'bottomk' ) '(' INTEGER ')' | comparison literal }.</summary>
    private MetricsExpression? ParseSecondStages(MetricsExpression metrics)
    {
        MetricsExpression? result = metrics;
        while (result is not null)
        {
            if (Take("|"))
            {
                bool isTop = At(Keywords.TopK);
                if (!isTop && !At(Keywords.BottomK))
                    return Unexpected<MetricsExpression>("topk or bottomk");
                Advance();
                if (!Expect("(") || !TryTakeInt(out long? limit) || !Expect(")"))
                    return null;
                result = Bounded(new MetricsTopBottom(result, isTop, limit!.Value));
            }
            else if (TryFieldOperator(out FieldOperator op, out _) && op.IsComparison())
            {
                Advance();
                result = TryTakeThreshold(out TraceQlValue threshold) ? Bounded(new MetricsFilter(result, op, threshold)) : null;
            }
            else
            {
                break;
            }
        }

        return result;
    }

    private bool TryTakeThreshold(out TraceQlValue threshold)
    {
        threshold = default;
        bool isNegative = Take("-");
        if (_token.Kind is not (TokenKind.Integer or TokenKind.Float or TokenKind.Duration))
            return Fail(isNegative ? "INTEGER or FLOAT or DURATION" : "INTEGER or FLOAT or DURATION or -");
        TryTakeLiteral(out threshold);
        return !isNegative || ConstantFolding.TryNegate(threshold, out threshold);
    }
}
