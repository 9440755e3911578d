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

    /// <summary>Pipelines, joined or computed with: what counts one takes tens of kilobytes, for each thread.</summary>
    internal const int MaxPipelines = 1000;

    /// <summary>Null when the query keeps to them.</summary>
    internal static TraceQlError? Check(TraceQlQuery query)
    {
        int patterns = 0, stages = 0, pipelines = 0;
        foreach (TraceQlNode node in query.Tree())
        {
            if (node is BinaryExpression binary && binary.Op.IsRegex())
                patterns++;
            if (node is Pipeline pipeline)
            {
                pipelines++;
                stages = Math.Max(stages, pipeline.Stages.Count);
            }
        }

        if (patterns > MaxPatterns)
            return TooMuch($"a query with {patterns} regular expressions; the limit is {MaxPatterns}");
        if (pipelines > MaxPipelines)
            return TooMuch($"a query of {pipelines} pipelines; the limit is {MaxPipelines}");
        return stages > MaxStages ? TooMuch($"a pipeline of {stages} stages; the limit is {MaxStages}") : null;
    }

    private static TraceQlError TooMuch(string message) => new(TraceQlErrorKind.Validation, message);
}
