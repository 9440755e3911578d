using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Validate;

/// <summary>
/// How much of the expensive things a query may have. The text is limited anyway; these are what a text of that size could
/// still make costly. Far beyond what people and programs write.
/// </summary>
internal static class SizeLimits
{
    /// <summary>
    /// Regular expressions: each takes some hundred kilobytes to compile. A list of values belongs in one, as alternatives.
    /// </summary>
    internal const int MaxPatterns = 256;

    /// <summary>Stages of one pipeline: each by() and aggregate is noted with every span set that passes it.</summary>
    internal const int MaxStages = 1000;

    /// <summary>Null when the query keeps to them.</summary>
    internal static TraceQlError? Check(TraceQlQuery query)
    {
        var patterns = 0;
        var stages = 0;
        Count(query.Pipeline, ref patterns, ref stages);
        Count(query.Metrics, ref patterns, ref stages);
        if (patterns > MaxPatterns)
            return TooMuch($"a query with {patterns} regular expressions; the limit is {MaxPatterns}");
        return stages > MaxStages ? TooMuch($"a pipeline of {stages} stages; the limit is {MaxStages}") : null;
    }

    private static TraceQlError TooMuch(string message) => new(TraceQlErrorKind.Validation, message);

    private static void Count(TraceQlNode? node, ref int patterns, ref int stages)
    {
        switch (node)
        {
            case BinaryExpression binary:
                if (binary.Op.IsRegex())
                    patterns++;
                Count(binary.Left, ref patterns, ref stages);
                Count(binary.Right, ref patterns, ref stages);
                break;
            case UnaryExpression unary: Count(unary.Operand, ref patterns, ref stages); break;
            case AnyOf anyOf: Count(anyOf.Condition, ref patterns, ref stages); break;
            case SpansetFilter filter: Count(filter.Condition, ref patterns, ref stages); break;
            case SpansetOperation operation:
                Count(operation.Left, ref patterns, ref stages);
                Count(operation.Right, ref patterns, ref stages);
                break;
            case GroupBy groupBy: Count(groupBy.Key, ref patterns, ref stages); break;
            case Aggregate aggregate: Count(aggregate.Operand, ref patterns, ref stages); break;
            case ScalarFilter filter:
                Count(filter.Left, ref patterns, ref stages);
                Count(filter.Right, ref patterns, ref stages);
                break;
            case ScalarOperation operation:
                Count(operation.Left, ref patterns, ref stages);
                Count(operation.Right, ref patterns, ref stages);
                break;
            case ScalarPipeline pipeline:
                Count(pipeline.Source, ref patterns, ref stages);
                Count(pipeline.Aggregate, ref patterns, ref stages);
                break;
            case Pipeline pipeline:
                stages = Math.Max(stages, pipeline.Stages.Count);
                foreach (PipelineStage stage in pipeline.Stages)
                    Count(stage, ref patterns, ref stages);
                break;
            case PipelineOperation operation:
                Count(operation.Left, ref patterns, ref stages);
                Count(operation.Right, ref patterns, ref stages);
                break;
            case MetricsPipeline pipeline:
                Count(pipeline.Source, ref patterns, ref stages);
                Count(pipeline.Stage, ref patterns, ref stages);
                break;
            case MetricsCompare compare: Count(compare.Selection, ref patterns, ref stages); break;
            case MetricsTopBottom topBottom: Count(topBottom.Inner, ref patterns, ref stages); break;
            case MetricsFilter filter: Count(filter.Inner, ref patterns, ref stages); break;
            case MetricsOperation operation:
                Count(operation.Left, ref patterns, ref stages);
                Count(operation.Right, ref patterns, ref stages);
                break;
        }
    }
}
