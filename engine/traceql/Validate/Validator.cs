using System.Globalization;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Validate;

/// <summary>
/// Checks what the grammar cannot say: types, what an aggregate looks at, limits of metrics. The first thing wrong, from
/// left to right and from inside to outside, is the answer. Field expressions have their own file.
/// </summary>
internal static partial class Validator
{
    private const int MaxGroupBy = 5;

    /// <summary>Null when the query is right.</summary>
    internal static TraceQlError? Check(TraceQlQuery query) =>
        SizeLimits.Check(query) ?? (query.Metrics is { } metrics ? CheckMetrics(metrics) : CheckPipeline(query.Pipeline!));

    private static TraceQlError? CheckPipeline(PipelineExpression expression)
    {
        if (expression is PipelineOperation operation)
            return CheckPipeline(operation.Left) ?? CheckPipeline(operation.Right);
        foreach (PipelineStage stage in ((Pipeline)expression).Stages)
        {
            if (CheckStage(stage) is { } error)
                return error;
        }

        return null;
    }

    private static TraceQlError? CheckStage(PipelineStage stage) => stage switch
    {
        SpansetFilter filter => CheckFilter(filter),
        SpansetOperation operation => CheckStage(operation.Left) ?? CheckStage(operation.Right),
        ScalarFilter filter => CheckScalarFilter(filter),
        GroupBy groupBy => CheckField(groupBy.Key)
            ?? (ReferencesSpan(groupBy.Key) ? null : Invalid($"grouping field expressions must reference the span: {groupBy}")),
        Select select => CheckAttributes(select.Attributes),
        _ => null,
    };

    private static TraceQlError? CheckFilter(SpansetFilter filter)
    {
        if (CheckField(filter.Condition) is { } error)
            return error;
        return filter.Condition.Type is TraceQlType.Bool or TraceQlType.Attribute
            ? null
            : Invalid($"span filter field expressions must resolve to a boolean: {filter}");
    }

    private static TraceQlError? CheckScalarFilter(ScalarFilter filter)
    {
        if ((CheckScalar(filter.Left) ?? CheckScalar(filter.Right)) is { } error)
            return error;
        // Two constants compare nothing. Tempo prints the %v too.
        return filter.Left is ScalarLiteral && filter.Right is ScalarLiteral
            ? Unsupported("scalar filter lhs of type (%v) not yet supported")
            : null;
    }

    private static TraceQlError? CheckScalar(ScalarExpression scalar) => scalar switch
    {
        Aggregate aggregate => CheckAggregate(aggregate),
        ScalarOperation operation => CheckScalar(operation.Left) ?? CheckScalar(operation.Right),
        ScalarPipeline pipeline => CheckPipeline(pipeline.Source) ?? CheckScalar(pipeline.Aggregate),
        _ => null,
    };

    private static TraceQlError? CheckAggregate(Aggregate aggregate)
    {
        if (aggregate.Operand is not { } operand)
            return null;
        if (CheckField(operand) is { } error)
            return error;
        if (operand.Type != TraceQlType.Attribute && !operand.Type.IsNumeric())
            return Invalid($"aggregate field expressions must resolve to a number type: {aggregate}");
        return ReferencesSpan(operand) ? null : Invalid($"aggregate field expressions must reference the span: {aggregate}");
    }

    private static TraceQlError? CheckMetrics(MetricsExpression metrics)
    {
        switch (metrics)
        {
            case MetricsPipeline pipeline:
                return CheckPipeline(pipeline.Source) ?? CheckMetricsStage(pipeline.Stage);
            case MetricsTopBottom topBottom:
                return CheckMetrics(topBottom.Inner)
                    ?? CheckNotCompare(topBottom.Inner)
                    ?? (topBottom.Limit > 0 ? null : Invalid("limit must be greater than 0"));
            case MetricsFilter filter:
                return CheckMetrics(filter.Inner) ?? CheckNotCompare(filter.Inner);
            case MetricsOperation operation:
                return CheckMetrics(operation.Left) ?? CheckMetrics(operation.Right)
                    ?? CheckNotCompare(operation.Left) ?? CheckNotCompare(operation.Right);
            default:
                return null;
        }
    }

    private static TraceQlError? CheckNotCompare(MetricsExpression inner) =>
        inner is MetricsPipeline { Stage: MetricsCompare } ? Invalid("`compare()` cannot be used with second stage functions") : null;

    private static TraceQlError? CheckMetricsStage(MetricsStage stage) => stage switch
    {
        MetricsFunction function => CheckMetricsFunction(function),
        MetricsCompare compare => CheckFilter(compare.Selection) ?? CheckCompareLimits(compare),
        _ => null,
    };

    private static TraceQlError? CheckMetricsFunction(MetricsFunction function)
    {
        foreach (double quantile in function.Quantiles)
        {
            if (quantile is < 0 or > 1)
                return Invalid(string.Create(CultureInfo.InvariantCulture, $"quantile must be between 0 and 1: {quantile:R}"));
        }

        // The quantile or the bucket is a label too.
        int limit =
            function.Kind is MetricsFunctionKind.QuantileOverTime or MetricsFunctionKind.HistogramOverTime ? MaxGroupBy - 1 : MaxGroupBy;
        if (function.By.Count > limit)
            return Unsupported($"metrics group by {function.By.Count} values not yet supported");
        return (function.Attribute is null ? null : CheckField(function.Attribute)) ?? CheckAttributes(function.By)
            ?? CheckAliases(function);
    }

    private static TraceQlError? CheckAliases(MetricsFunction function)
    {
        if (function.Aliases.Count == 0)
            return null;
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < function.By.Count; i++)
        {
            if (!names.Add(function.LabelName(i)))
                return Invalid($"two labels have the name {function.LabelName(i)}");
        }

        return null;
    }

    private static TraceQlError? CheckCompareLimits(MetricsCompare compare)
    {
        if (compare.TopValues is <= 0 or > MetricsCompare.MaxTopValues)
            return Invalid($"compare() top number of values must be an integer between 1 and {MetricsCompare.MaxTopValues}");
        if (compare.StartUnixNano <= 0 || compare.EndUnixNano <= 0)
            return Invalid("compare() timestamps must be positive integer unix nanoseconds");
        return compare.EndUnixNano <= compare.StartUnixNano
            ? Invalid("compare() end timestamp must be greater than start timestamp")
            : null;
    }

    private static TraceQlError? CheckAttributes(AstList<AttributeRef> attributes)
    {
        foreach (AttributeRef attribute in attributes)
        {
            if (CheckField(attribute) is { } error)
                return error;
        }

        return null;
    }

    private static TraceQlError Invalid(string message) => new(TraceQlErrorKind.Validation, message);

    private static TraceQlError Unsupported(string message) => new(TraceQlErrorKind.Unsupported, message);
}
