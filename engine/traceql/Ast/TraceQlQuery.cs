namespace Tempo.Engine.TraceQL.Ast;

/// <summary>A whole query: a search (<see cref="Pipeline"/>) or a metrics query (<see cref="Metrics"/>), and its hints.</summary>
public sealed record TraceQlQuery : TraceQlNode
{
    /// <summary>A search.</summary>
    public TraceQlQuery(PipelineExpression pipeline, AstList<Hint> hints)
    {
        Pipeline = pipeline;
        Hints = hints;
        Height = pipeline.Height + 1;
    }

    /// <summary>A metrics query.</summary>
    public TraceQlQuery(MetricsExpression metrics, AstList<Hint> hints)
    {
        Metrics = metrics;
        Hints = hints;
        Height = metrics.Height + 1;
    }

    public override IReadOnlyList<TraceQlNode> Children => Pipeline is null ? [Metrics!] : [Pipeline];

    /// <summary>Null for a metrics query; see <see cref="SearchPipeline"/> for what a search of one looks at.</summary>
    public PipelineExpression? Pipeline { get; }

    /// <summary>Null for a search.</summary>
    public MetricsExpression? Metrics { get; }

    /// <summary>In the order written. Unknown names and odd types are kept; whoever reads them ignores what it does not know.</summary>
    public AstList<Hint> Hints { get; }

    /// <summary>
    /// What a search looks at: the pipeline, or of a metrics query its first source (the metrics part is ignored by a search).
    /// </summary>
    public PipelineExpression SearchPipeline => Pipeline ?? FirstSource(Metrics!);

    /// <summary>The last value given for a hint, or nil.</summary>
    public TraceQlValue HintValue(string name)
    {
        for (int i = Hints.Count - 1; i >= 0; i--)
        {
            if (Hints[i].Name == name)
                return Hints[i].Value;
        }

        return TraceQlValue.Nil;
    }

    private static Pipeline FirstSource(MetricsExpression metrics)
    {
        while (true)
        {
            switch (metrics)
            {
                case MetricsPipeline pipeline:
                    return pipeline.Source;
                case MetricsTopBottom topBottom:
                    metrics = topBottom.Inner;
                    break;
                case MetricsFilter filter:
                    metrics = filter.Inner;
                    break;
                case MetricsOperation operation:
                    metrics = operation.Left is MetricsScalar ? operation.Right : operation.Left;
                    break;
                default:
                    throw new InvalidOperationException("a metrics expression without a pipeline cannot be parsed");
            }
        }
    }
}

/// <summary><c>name=value</c> of a <c>with( )</c>.</summary>
public sealed record Hint(string Name, TraceQlValue Value);
