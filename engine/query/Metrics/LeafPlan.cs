using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>One "pipeline | function" of a metrics query: what it reads and how. Shared by threads.</summary>
internal sealed class LeafPlan
{
    public LeafPlan(MetricsPipeline pipeline, bool extrapolates)
    {
        Source = pipeline.Source;
        Stage = pipeline.Stage;
        IsByTrace = Stage is MetricsCompare || !RowFilter.IsPossible(Source) || ReferencedAttributes.Of(Stage).Any(FieldReader.IsOfTrace)
            || Stage is MetricsFunction { Kind: MetricsFunctionKind.CountTraces or MetricsFunctionKind.RateTraces };
        ScanColumns = BatchColumns.Starts;
        if (IsByTrace)
        {
            ScanColumns |= SpanFilter.Create(CandidateFilter.Of(Source)).Columns;
            TraceColumns = BatchColumns.Tree | BatchColumns.Name | FieldColumns.Of(ReferencedAttributes.Of(pipeline));
            if (Stage is MetricsCompare) TraceColumns |= BatchColumns.All & ~(BatchColumns.Events | BatchColumns.Links | BatchColumns.Dropped);
        }
        else
        {
            ScanColumns |= FieldColumns.Of(ReferencedAttributes.Of(Source));
            foreach (var field in ReferencedAttributes.Of(Stage)) ScanColumns |= ColumnsOf(field);
            if (extrapolates) ScanColumns |= BatchColumns.TraceState;
            TraceColumns = ScanColumns | BatchColumns.Tree;
        }

        if (extrapolates) TraceColumns |= BatchColumns.TraceState;
    }

    // The name of the service has a column of its own, which is read without the rest of the resource.
    private static BatchColumns ColumnsOf(AttributeRef field) =>
        field is { Scope: AttributeScope.Resource, Name: "service.name" } ? BatchColumns.ResourceServiceNames : FieldColumns.Of([field]);

    public Pipeline Source { get; }

    public MetricsStage Stage { get; }

    /// <summary>Whole traces have to be put together; else each span decides alone.</summary>
    public bool IsByTrace { get; }

    /// <summary>No span can match: the first filter is the constant false.</summary>
    public bool MatchesNothing => CandidateFilter.Of(Source) is Literal { Value: { Type: TraceQlType.Bool, AsBool: false } };

    /// <summary>What a scan of spans reads.</summary>
    public BatchColumns ScanColumns { get; }

    /// <summary>What is read of a whole trace.</summary>
    public BatchColumns TraceColumns { get; }
}
