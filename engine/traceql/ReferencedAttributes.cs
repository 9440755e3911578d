using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL;

/// <summary>Which attributes and intrinsics a tree looks at: what a planner has to fetch, what a search returns.</summary>
public static class ReferencedAttributes
{
    /// <summary>Each one once, in the order of the text.</summary>
    public static IReadOnlyList<AttributeRef> Of(TraceQlNode node)
    {
        var found = new List<AttributeRef>();
        Collect(node, found, []);
        return found;
    }

    private static void Collect(TraceQlNode? node, List<AttributeRef> found, HashSet<AttributeRef> seen)
    {
        switch (node)
        {
            case AttributeRef attribute:
                if (seen.Add(attribute))
                    found.Add(attribute);
                break;
            case UnaryExpression unary:
                Collect(unary.Operand, found, seen);
                break;
            case BinaryExpression binary:
                CollectBoth(binary.Left, binary.Right);
                break;
            case AnyOf anyOf:
                Collect(anyOf.Condition, found, seen);
                break;
            case SpansetFilter filter:
                Collect(filter.Condition, found, seen);
                break;
            case SpansetOperation operation:
                CollectBoth(operation.Left, operation.Right);
                break;
            case GroupBy groupBy:
                Collect(groupBy.Key, found, seen);
                break;
            case Select select:
                CollectAll(select.Attributes);
                break;
            case ScalarFilter filter:
                CollectBoth(filter.Left, filter.Right);
                break;
            case Aggregate aggregate:
                Collect(aggregate.Operand, found, seen);
                break;
            case ScalarOperation operation:
                CollectBoth(operation.Left, operation.Right);
                break;
            case ScalarPipeline pipeline:
                CollectBoth(pipeline.Source, pipeline.Aggregate);
                break;
            case Pipeline pipeline:
                CollectAll(pipeline.Stages);
                break;
            case PipelineOperation operation:
                CollectBoth(operation.Left, operation.Right);
                break;
            case MetricsPipeline pipeline:
                CollectBoth(pipeline.Source, pipeline.Stage);
                break;
            case MetricsTopBottom topBottom:
                Collect(topBottom.Inner, found, seen);
                break;
            case MetricsFilter filter:
                Collect(filter.Inner, found, seen);
                break;
            case MetricsOperation operation:
                CollectBoth(operation.Left, operation.Right);
                break;
            case MetricsFunction function:
                Collect(function.Attribute, found, seen);
                CollectAll(function.By);
                break;
            case MetricsCompare compare:
                Collect(compare.Selection, found, seen);
                break;
            case TraceQlQuery query:
                CollectBoth(query.Pipeline, query.Metrics);
                break;
        }

        void CollectBoth(TraceQlNode? first, TraceQlNode? second)
        {
            Collect(first, found, seen);
            Collect(second, found, seen);
        }

        void CollectAll(IReadOnlyList<TraceQlNode> nodes)
        {
            foreach (TraceQlNode child in nodes)
                Collect(child, found, seen);
        }
    }
}
