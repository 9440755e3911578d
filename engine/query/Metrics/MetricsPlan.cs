using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using SeriesList = System.Collections.Generic.List<Tempo.Engine.Query.Metrics.Series.Series>;

namespace Tempo.Engine.Query.Metrics;

/// <summary>A metrics query, checked and taken apart: parts that count spans, and what is done with their series.</summary>
internal sealed class MetricsPlan
{
    private readonly MetricsExpression _root;

    private MetricsPlan(TraceQlQuery query, MetricsOptions options)
    {
        _root = query.Metrics!;
        Options = options;
        CollectLeaves(_root);
    }

    public MetricsOptions Options { get; }

    /// <summary>The parts, in the order of the text.</summary>
    public List<LeafPlan> Leaves { get; } = [];

    /// <summary>Whether samples of one series may take those of another away: topk, bottomk.</summary>
    public bool HasTopBottom { get; private set; }

    /// <summary>Whether whole traces must know their trees.</summary>
    public bool NeedsTree => Leaves.Exists(static leaf => leaf.IsByTrace || leaf.NeedsTraces);

    /// <summary>Throws <see cref="QueryException"/> with Tempo's texts, which differ a little between the two APIs.</summary>
    public static TraceQlQuery Parse(string text, MetricsLimits limits, bool isInstant)
    {
        if (text.Length == 0)
            throw Bad(isInstant
                ? "compiling query: parse error : syntax error: unexpected $end"
                : "parse error : syntax error: unexpected $end");
        if (!TraceQlParser.TryParse(text, out var query, out var error, limits.MaxQueryBytes))
        {
            var isBare = error.Kind == TraceQlErrorKind.TooLong || error.Kind == TraceQlErrorKind.Parse && !isInstant;
            throw Bad(isBare ? error.Message : $"compiling query: {error.Message}");
        }

        return query.Metrics is not null ? query : throw Bad("not a metrics query");
    }

    public static MetricsPlan Create(TraceQlQuery query, MetricsOptions options) => new(query, options);

    /// <summary>The answer's series, from those of each part.</summary>
    public SeriesList Evaluate(IReadOnlyList<SeriesList> ofLeaves, CancellationToken cancellation)
    {
        var next = 0;
        return Evaluate(_root, ofLeaves, ref next, cancellation);
    }

    // Recursion is bounded by the parser's limit on the height of a tree.
    private static SeriesList Evaluate(
        MetricsExpression expression, IReadOnlyList<SeriesList> ofLeaves, ref int next, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        switch (expression)
        {
            case MetricsPipeline:
                return ofLeaves[next++];
            case MetricsTopBottom topBottom:
                return SecondStages.TopBottom(
                    Evaluate(topBottom.Inner, ofLeaves, ref next, cancellation), topBottom.IsTop, topBottom.Limit, cancellation);
            case MetricsFilter filter:
                return SecondStages.Filter(Evaluate(filter.Inner, ofLeaves, ref next, cancellation), filter.Op, Number(filter.Threshold));
            case MetricsOperation { Left: MetricsScalar scalar } operation:
                return SeriesArithmetic.WithScalar(
                    operation.Op, Evaluate(operation.Right, ofLeaves, ref next, cancellation), Number(scalar.Value), isScalarLeft: true);
            case MetricsOperation { Right: MetricsScalar scalar } operation:
                return SeriesArithmetic.WithScalar(
                    operation.Op, Evaluate(operation.Left, ofLeaves, ref next, cancellation), Number(scalar.Value), isScalarLeft: false);
            case MetricsOperation operation:
                var left = Evaluate(operation.Left, ofLeaves, ref next, cancellation);
                return SeriesArithmetic.Join(operation.Op, left, Evaluate(operation.Right, ofLeaves, ref next, cancellation));
            default:
                throw new QueryException(QueryErrorKind.NotImplemented, $"the metrics expression {expression} is not implemented");
        }
    }

    private void CollectLeaves(MetricsExpression expression)
    {
        switch (expression)
        {
            case MetricsPipeline pipeline:
                Leaves.Add(new LeafPlan(pipeline, Options.Extrapolates));
                break;
            case MetricsTopBottom topBottom:
                HasTopBottom = true;
                CollectLeaves(topBottom.Inner);
                break;
            case MetricsFilter filter:
                CollectLeaves(filter.Inner);
                break;
            case MetricsOperation operation:
                CollectLeaves(operation.Left);
                CollectLeaves(operation.Right);
                break;
        }
    }

    private static double Number(TraceQlValue value) => value.Type == TraceQlType.Duration ? value.AsDurationNano / 1e9 : value.AsNumber;

    private static QueryException Bad(string message) => new(QueryErrorKind.BadRequest, message);
}
