using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// A search query, checked and made ready. A plan serves one thread of one search: what it is made of keeps scratch memory.
/// </summary>
internal sealed class SearchPlan
{
    private readonly List<Condition> _filters = [];
    private readonly Patience _patience = new();

    private SearchPlan(PipelineExpression? pipeline, MetricsExpression? metrics, KernelKind kernel)
    {
        Candidates = SpanFilter.Create(pipeline is null ? Literal.True : CandidateFilter.Of(pipeline), kernel);
        Source = pipeline is null ? null : PipelineCompiler.Compile(pipeline, _filters, _patience);
        var named = pipeline is null ? [] : ReferencedAttributes.Of(pipeline);
        Selected = SelectedBy(pipeline, metrics);
        IReadOnlyList<AttributeRef> fields = [.. named.Concat(Selected).Distinct()];
        ShowsName = fields.Any(static field => field.Intrinsic == Intrinsic.Name);
        Needs = new TraceNeeds
        {
            Columns = BatchColumns.Spans | FieldColumns.WithoutAttributes(fields),
            Fields = fields,
            HasTree = fields.Any(
                static field => field.IsOfParent || field.Intrinsic is Intrinsic.NestedSetLeft or Intrinsic.NestedSetRight
                    or Intrinsic.NestedSetParent or Intrinsic.SpanChildCount)
                || pipeline is not null && Relates(pipeline),
        };
    }

    // Whether spans are asked where they stand to each other.
    private static bool Relates(TraceQlNode query) => query.Tree().Any(static node =>
        node is PipelineOperation { Op: not (SpansetOperator.And or SpansetOperator.Or) }
            or SpansetOperation { Op: not (SpansetOperator.And or SpansetOperator.Or) });

    /// <summary>What is worth looking at.</summary>
    public SpanFilter Candidates { get; }

    /// <summary>Decides on a whole trace. Null: every trace matches, and hits are answered without span sets.</summary>
    public SpansetSource? Source { get; }

    /// <summary>The conditions of all filters, whose fields are shown where they hold.</summary>
    public IReadOnlyList<Condition> Filters => _filters;

    /// <summary>From now on scanning and deciding end, within a millisecond or so, when this is cancelled.</summary>
    public void Watch(CancellationToken cancellation)
    {
        Candidates.Watch(cancellation);
        _patience.Cancellation = cancellation;
    }

    /// <summary>A span was described. Throws once in a while if nobody waits any more.</summary>
    public void Look() => _patience.Look();

    /// <summary>Fields that are shown with each span that has them: of select(), by(), aggregates and metrics functions.</summary>
    public IReadOnlyList<FieldReader> SelectedReaders => field ??= [.. Selected.Select(static reference => new FieldReader(reference))];

    private IReadOnlyList<AttributeRef> Selected { get; }

    /// <summary>What is read of a candidate's whole trace.</summary>
    public TraceNeeds Needs { get; }

    /// <summary>Does the query name the span's name, so that it is answered?</summary>
    public bool ShowsName { get; }

    /// <summary>
    /// The checked query; null for the empty one, which is everything. Throws <see cref="QueryException"/> for one that is wrong.
    /// </summary>
    public static TraceQlQuery? Parse(string query)
    {
        if (query.Length == 0) return null;
        if (!TraceQlParser.TryParse(query, out var parsed, out var error))
            throw new QueryException(QueryErrorKind.BadRequest, $"invalid TraceQL query: {error.Message}");
        return parsed;
    }

    /// <summary>Throws <see cref="QueryException"/> for a query that cannot be run.</summary>
    public static SearchPlan Create(TraceQlQuery? query, KernelKind kernel) => new(query?.SearchPipeline, query?.Metrics, kernel);

    private static List<AttributeRef> SelectedBy(PipelineExpression? pipeline, MetricsExpression? metrics)
    {
        var selected = new List<AttributeRef>();
        AddSelected(pipeline, selected);
        if (FirstFunction(metrics) is { } function) selected.AddRange(ReferencedAttributes.Of(function));
        return [.. selected.Distinct()];
    }

    private static void AddSelected(PipelineExpression? expression, List<AttributeRef> selected)
    {
        switch (expression)
        {
            case PipelineOperation operation:
                AddSelected(operation.Left, selected);
                AddSelected(operation.Right, selected);
                break;
            case Pipeline pipeline:
                foreach (var stage in pipeline.Stages)
                    if (stage is not SpansetExpression)
                        selected.AddRange(ReferencedAttributes.Of(stage));
                break;
        }
    }

    // A search of a metrics query looks at its first source alone; so do the fields that are shown.
    private static MetricsFunction? FirstFunction(MetricsExpression? metrics) => metrics switch
    {
        MetricsPipeline pipeline => pipeline.Stage as MetricsFunction,
        MetricsTopBottom topBottom => FirstFunction(topBottom.Inner),
        MetricsFilter filter => FirstFunction(filter.Inner),
        MetricsOperation operation => FirstFunction(operation.Left is MetricsScalar ? operation.Right : operation.Left),
        _ => null,
    };
}
