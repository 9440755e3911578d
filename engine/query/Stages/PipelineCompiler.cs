using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Operators;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Stages;

/// <summary>Makes what runs on a trace of a query's tree. Recursion is bounded by the parser's limit on the height of a tree.</summary>
internal static class PipelineCompiler
{
    /// <summary><paramref name="filters"/> gets the condition of each filter in the query.</summary>
    public static SpansetSource Compile(PipelineExpression expression, List<Condition> filters, Patience patience)
    {
        if (expression is PipelineOperation operation)
            return new JoinedPipelines(
                operation.Op, Compile(operation.Left, filters, patience), Compile(operation.Right, filters, patience));
        var stages = new List<Stage>();
        foreach (var stage in ((Pipeline)expression).Stages)
        {
            switch (stage)
            {
                case SpansetExpression spanset:
                    stages.Add(new SelectionStage(OperatorCompiler.Compile(spanset, filters, patience)));
                    break;
                case GroupBy groupBy:
                    stages.Add(new GroupByStage(groupBy, patience));
                    break;
                case Coalesce:
                    stages.Add(new CoalesceStage());
                    break;
                case ScalarFilter scalar:
                    stages.Add(new AggregateStage(scalar, filters, patience));
                    break;
                case Select:
                    // Chooses what is shown, not what matches.
                    break;
                default:
                    throw new QueryException(QueryErrorKind.NotImplemented, $"the stage {stage} is not implemented");
            }
        }

        return new StagePipeline(stages);
    }
}
