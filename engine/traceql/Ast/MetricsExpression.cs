using Tempo.Engine.TraceQL.Parse;

namespace Tempo.Engine.TraceQL.Ast;

/// <summary>An expression with series as its answer. Second stages wrap what they work on.</summary>
public abstract record MetricsExpression : TraceQlNode;

/// <summary><c>pipeline | function</c>: the spans of the pipeline turned into series.</summary>
public sealed record MetricsPipeline : MetricsExpression
{
    public MetricsPipeline(Pipeline source, MetricsStage stage)
    {
        Source = source;
        Stage = stage;
        Height = Math.Max(source.Height, stage.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Source, Stage];

    public Pipeline Source { get; }

    public MetricsStage Stage { get; }
}

/// <summary><c>inner | topk(n)</c> or <c>inner | bottomk(n)</c>: keeps the n largest or smallest samples of each timestamp.</summary>
public sealed record MetricsTopBottom : MetricsExpression
{
    public MetricsTopBottom(MetricsExpression inner, bool isTop, long limit)
    {
        Inner = inner;
        IsTop = isTop;
        Limit = limit;
        Height = inner.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Inner];

    public MetricsExpression Inner { get; }

    public bool IsTop { get; }

    /// <summary>Series kept at a timestamp, at least 1.</summary>
    public long Limit { get; }
}

/// <summary><c>inner op literal</c>: drops the samples that do not compare so. A duration stands for its seconds.</summary>
public sealed record MetricsFilter : MetricsExpression
{
    public MetricsFilter(MetricsExpression inner, FieldOperator op, TraceQlValue threshold)
    {
        Inner = inner;
        Op = op;
        Threshold = threshold;
        Height = inner.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Inner];

    public MetricsExpression Inner { get; }

    /// <summary>A comparison.</summary>
    public FieldOperator Op { get; }

    /// <summary>An int, float or duration.</summary>
    public TraceQlValue Threshold { get; }
}

/// <summary><c>left op right</c> sample by sample; one side may be a <see cref="MetricsScalar"/>, never both.</summary>
public sealed record MetricsOperation : MetricsExpression
{
    public MetricsOperation(FieldOperator op, MetricsExpression left, MetricsExpression right)
    {
        Op = op;
        Left = left;
        Right = right;
        Height = Math.Max(left.Height, right.Height) + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Left, Right];

    /// <summary>One of <c>+ - * /</c>.</summary>
    public FieldOperator Op { get; }

    public MetricsExpression Left { get; }

    public MetricsExpression Right { get; }
}

/// <summary>An int or float operand of <see cref="MetricsOperation"/>.</summary>
public sealed record MetricsScalar(TraceQlValue Value) : MetricsExpression;

/// <summary>The stage that turns spans into series.</summary>
public abstract record MetricsStage : TraceQlNode;

/// <summary>What a <see cref="MetricsFunction"/> computes.</summary>
public enum MetricsFunctionKind
{
    Rate,
    CountOverTime,
    MinOverTime,
    MaxOverTime,
    AvgOverTime,
    SumOverTime,
    QuantileOverTime,
    HistogramOverTime,
    /// <summary>Traces with such spans, each counted in the step of the first of them. Not in Tempo.</summary>
    CountTraces,
    /// <summary>The same a second. Not in Tempo.</summary>
    RateTraces,
    /// <summary>Different values of the attribute in each step. Not in Tempo.</summary>
    CountDistinct,
}

/// <summary>What the functions take.</summary>
public static class MetricsFunctionKinds
{
    /// <summary>Does the function measure an attribute? Else it counts.</summary>
    public static bool HasAttribute(this MetricsFunctionKind kind) =>
        kind is not (MetricsFunctionKind.Rate or MetricsFunctionKind.CountOverTime or MetricsFunctionKind.CountTraces
            or MetricsFunctionKind.RateTraces);
}

/// <summary><c>rate() by(a)</c>, <c>max_over_time(b) by(a)</c>, <c>quantile_over_time(b, 0.5, 0.9) by(a)</c>…</summary>
/// <param name="Kind">Which function.</param>
/// <param name="Attribute">The measured attribute; null for rate and count_over_time.</param>
/// <param name="Quantiles">Within 0..1, at least one for quantile_over_time, none for the others.</param>
/// <param name="By">The attributes that label the series; may be empty.</param>
public sealed record MetricsFunction(
    MetricsFunctionKind Kind, AttributeRef? Attribute, AstList<double> Quantiles, AstList<AttributeRef> By) : MetricsStage
{
    public override IReadOnlyList<TraceQlNode> Children => Attribute is null ? By : [Attribute, .. By];

    /// <summary>
    /// What <c>by(x as y)</c> calls the labels, one for each of <see cref="By"/>, "" where it keeps its name; empty if all do.
    /// </summary>
    public AstList<string> Aliases { get; init; } = [];

    /// <summary>The name of label i.</summary>
    public string LabelName(int i) => Aliases.Count > 0 && Aliases[i].Length > 0 ? Aliases[i] : By[i].ToString();

    /// <summary>The function as the language writes it.</summary>
    public string Name => Keywords.Of(Kind);
}

/// <summary><c>compare({selection}, topN, start, end)</c>.</summary>
public sealed record MetricsCompare : MetricsStage
{
    /// <summary>Values listed for an attribute when the query does not say.</summary>
    public const long DefaultTopValues = 10;

    /// <summary>The most values that may be asked for.</summary>
    public const long MaxTopValues = 1000;

    /// <summary>Null leaves a part out; start and end come together.</summary>
    public MetricsCompare(SpansetFilter selection, long? topValues = null, long? startUnixNano = null, long? endUnixNano = null)
    {
        Selection = selection;
        TopValues = topValues ?? DefaultTopValues;
        StartUnixNano = startUnixNano;
        EndUnixNano = endUnixNano;
        Height = selection.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => [Selection];

    public SpansetFilter Selection { get; }

    /// <summary>Values listed for an attribute, 1 to <see cref="MaxTopValues"/>.</summary>
    public long TopValues { get; }

    /// <summary>Spans that start at or before this are never in the selection; null = no bounds.</summary>
    public long? StartUnixNano { get; }

    /// <summary>Spans that start after this are never in the selection; null = no bounds.</summary>
    public long? EndUnixNano { get; }
}
