using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>Stages that make series, and stages that work on series.</summary>
internal sealed partial class Parser
{
    private bool AtMetricsStage =>
        At(Keywords.Compare)
        || _token.Kind == TokenKind.Symbol && Keywords.MetricsFunctions.ContainsKey(_token.Text)
        || _token.Kind == TokenKind.Identifier && Keywords.OwnMetricsFunctions.ContainsKey(_token.Text);

    private MetricsStage? ParseMetricsStage()
    {
        string word = _token.Text;
        Advance();
        if (!Expect("("))
            return null;
        if (word == Keywords.Compare)
            return ParseCompare();
        return ParseMetricsFunction(
            Keywords.MetricsFunctions.TryGetValue(word, out MetricsFunctionKind kind) ? kind : Keywords.OwnMetricsFunctions[word]);
    }

    /// <summary>[ attribute { ',' quantile } ] ')' [ 'by' '(' attributes ')' ].</summary>
    private MetricsFunction? ParseMetricsFunction(MetricsFunctionKind kind)
    {
        AttributeRef? attribute = null;
        var quantiles = new List<double>();
        if (kind.HasAttribute())
        {
            attribute = ParseAttribute();
            if (attribute is null)
                return null;
            if (kind == MetricsFunctionKind.QuantileOverTime && !ParseQuantiles(quantiles))
                return null;
        }

        if (!Expect(")"))
            return null;
        var by = new List<AttributeRef>();
        var aliases = new List<string>();
        if (Take(Keywords.By) && !(Expect("(") && ParseLabels(by, aliases)))
            return null;
        bool isRenamed = aliases.Exists(alias => alias.Length > 0);
        return new MetricsFunction(kind, attribute, [.. quantiles], [.. by]) { Aliases = isRenamed ? [.. aliases] : [] };
    }

    /// <summary>attribute [ 'as' name ] { ',' attribute [ 'as' name ] } ')'; a name is a word or a string.</summary>
    private bool ParseLabels(List<AttributeRef> by, List<string> aliases)
    {
        do
        {
            if (ParseAttribute() is not { } attribute)
                return false;
            by.Add(attribute);
            string alias = "";
            if (TakeIdentifier(Keywords.As) && !TryTakeAlias(out alias))
                return false;
            aliases.Add(alias);
        }
        while (Take(","));
        return Take(")") || Fail(") or ,");
    }

    private bool TryTakeAlias(out string alias)
    {
        bool isWord = _token.Kind == TokenKind.Identifier || _token.Kind == TokenKind.Symbol && _token.Text.All(char.IsAsciiLetter);
        alias = _token.Kind == TokenKind.String ? _token.Value.AsString : isWord ? _token.Text : "";
        if (alias.Length == 0)
            return Fail("IDENTIFIER or STRING");
        Advance();
        return true;
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
